"""Linear layers in the form the processor reads fastest."""

from __future__ import annotations

import functools
from collections.abc import Callable
from functools import partial
from typing import Literal, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from inference.kernels.byte_products import GROUP, MAX_ROWS, NUM_OUTPUTS
from inference.kernels.linear import (
    GELU_TANH,
    LEVELS,
    NONE,
    SILU,
    TINY,
    ZERO,
    multiply_quantized,
)

Activation = Literal["none", "gelu_tanh", "silu"]
# The one form that is called, so that no call has to look for it.
_MULTIPLY = torch.ops.mkldnn._linear_pointwise.default
# Each activation as a function, and as what oneDNN can do while it multiplies.
_FUNCTIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "none": lambda rows: rows,
    "gelu_tanh": partial(F.gelu, approximate="tanh"),
    "silu": F.silu,
}
_POST_OPS = {
    "none": ("none", ""),
    "gelu_tanh": ("gelu", "tanh"),
    "silu": ("swish", ""),
}
_CODES = {"none": NONE, "gelu_tanh": GELU_TANH, "silu": SILU}


class Linear(Protocol):
    """Rows in, rows out. The bits of a row never depend on the other rows.

    The outputs are added to `onto` if that is given, whose memory may be overwritten.
    """

    def __call__(self, rows: Tensor, onto: Tensor | None = None) -> Tensor: ...


class PlainLinear:
    """The library's own matrix product; used on a GPU."""

    def __init__(self, weight: Tensor, bias: Tensor | None, activation: Activation):
        self._weight, self._bias = weight, bias
        self._activate = _FUNCTIONS[activation]

    def __call__(self, rows: Tensor, onto: Tensor | None = None) -> Tensor:
        outputs = self._activate(F.linear(rows, self._weight, self._bias))
        return outputs if onto is None else onto + outputs


class RepackedLinear:
    """oneDNN's blocked weight layout, reordered once at load instead of at each call.

    For some shapes a lone row takes another path, with other bits, than two rows do;
    there it is given company.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, activation: Activation):
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight, None)
        self._bias = bias
        self._post_op = _POST_OPS[activation]
        self._needs_company = not _is_exact_alone(self._multiply, weight)

    def __call__(self, rows: Tensor, onto: Tensor | None = None) -> Tensor:
        if len(rows) == 1 and self._needs_company:
            outputs = self._multiply(rows.expand(2, -1))[:1]
        else:
            outputs = self._multiply(rows)
        return outputs if onto is None else onto + outputs

    def _multiply(self, rows: Tensor) -> Tensor:
        kind, algorithm = self._post_op
        output: Tensor = _MULTIPLY(rows, self._weight, self._bias, kind, [], algorithm)
        return output


# By shape and type, which decide the path.
_EXACT_ALONE: dict[tuple[torch.Size, torch.dtype], bool] = {}
# Rounding hides most of a difference in bf16: so many rows that some of it shows.
_PROBES = 32


def _is_exact_alone(multiply: Callable[[Tensor], Tensor], weight: Tensor) -> bool:
    """Whether rows that come alone get the bits that they get together."""
    key = weight.shape, weight.dtype
    if key not in _EXACT_ALONE:
        generator = torch.Generator().manual_seed(0)
        rows = torch.randn(_PROBES, weight.size(1), generator=generator)
        rows = rows.to(weight.dtype)
        alone = (multiply(row[None]) for row in rows)
        _EXACT_ALONE[key] = all(
            torch.equal(one[0], row)
            for one, row in zip(alone, multiply(rows), strict=True)
        )
    return _EXACT_ALONE[key]


class QuantizedLinear:
    """Eight-bit weights, one scale for each output, and eight-bit rows, one scale for
    each row. The products are summed as integers, so they are exact in any company."""

    def __init__(self, weight: Tensor, bias: Tensor | None, activation: Activation):
        weight = weight.float()
        self._num_outputs, num_inputs = weight.shape
        scales = (weight.abs().amax(1) / LEVELS).clamp_min(TINY)
        rounded = (weight / scales[:, None]).round_().to(torch.int8)
        spare = 0, -self._num_outputs % NUM_OUTPUTS
        rounded = F.pad(rounded, (0, -num_inputs % GROUP, *spare))
        bias = torch.zeros(self._num_outputs) if bias is None else bias.float()
        self._num_bytes = rounded.size(1)
        self._multiply = multiply_quantized.bind(
            _blocks(rounded),
            ZERO * rounded.sum(1, dtype=torch.int32),
            F.pad(scales, spare),
            F.pad(bias, spare),
            _CODES[activation],
        )

    def __call__(self, rows: Tensor, onto: Tensor | None = None) -> Tensor:
        num_rows = len(rows)
        outputs = torch.empty(num_rows, self._num_outputs) if onto is None else onto
        self._multiply(
            rows.contiguous(),
            torch.empty(num_rows, self._num_bytes, dtype=torch.uint8),
            torch.empty(num_rows),
            _sums(torch.get_num_threads()),
            int(onto is not None),
            outputs,
        )
        return outputs


@functools.cache
def _sums(num_threads: int) -> Tensor:
    """Room for each thread's sums of a tile, which no layer needs beyond its call."""
    return torch.empty(num_threads, MAX_ROWS, NUM_OUTPUTS, dtype=torch.int32)


def _blocks(matrix: Tensor) -> Tensor:
    """`[output, input]` in the order that the kernel reads, see `byte_products.py`."""
    groups = matrix.view(-1, NUM_OUTPUTS, matrix.size(1) // GROUP, GROUP)
    return groups.transpose(1, 2).flatten(2)
