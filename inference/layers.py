"""Linear layers in the form the processor reads fastest."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Literal, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

Activation = Literal["none", "gelu_tanh", "silu"]
TINY = 1e-12
# Eight-bit numbers lie this far to either side of zero.
LEVELS = 127
# What stands between the steps of so many rows fits the cache.
TILE_ROWS = 256
# The one form that is called, so that no call has to look for it.
_MULTIPLY = torch.ops.mkldnn._linear_pointwise.default
_MULTIPLY_QUANTIZED = torch.ops.onednn.qlinear_pointwise.default
_GELU_SLOPE = torch.tensor(2 * math.sqrt(2 / math.pi))
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


def gelu_tanh(rows: Tensor) -> Tensor:
    """`tanh`'s approximation of GELU in terms of the sigmoid, which is cheaper."""
    cubic = torch.addcmul(_GELU_SLOPE, rows, rows, value=0.044715 * float(_GELU_SLOPE))
    return cubic.mul_(rows).sigmoid_().mul_(rows)


class Linear(Protocol):
    """Rows in, rows out. The bits of a row never depend on the other rows."""

    def __call__(self, rows: Tensor) -> Tensor: ...


class PlainLinear:
    """The library's own matrix product; used on a GPU."""

    def __init__(self, weight: Tensor, bias: Tensor | None, activation: Activation):
        self._weight, self._bias = weight, bias
        self._activate = _FUNCTIONS[activation]

    def __call__(self, rows: Tensor) -> Tensor:
        return self._activate(F.linear(rows, self._weight, self._bias))


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

    def __call__(self, rows: Tensor) -> Tensor:
        if len(rows) == 1 and self._needs_company:
            return self._multiply(rows.expand(2, -1))[:1]
        return self._multiply(rows)

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
        scales = (weight.abs().amax(1) / LEVELS).clamp_min(TINY)
        rounded = (weight / scales[:, None]).round_().to(torch.int8)
        self._weight = torch.ops.onednn.qlinear_prepack(rounded, None)
        self._scales = scales / LEVELS
        self._zero_points = torch.zeros(len(weight), dtype=torch.long)
        self._middle = torch.full(weight.shape[1:], 128.5)
        self._bias = torch.zeros(len(weight)) if bias is None else bias.float()
        self._activate = (_FUNCTIONS | {"gelu_tanh": gelu_tanh})[activation]

    def __call__(self, rows: Tensor) -> Tensor:
        if len(rows) <= TILE_ROWS:
            return self._multiply(rows)
        return torch.cat([self._multiply(tile) for tile in rows.split(TILE_ROWS)])

    def _multiply(self, rows: Tensor) -> Tensor:
        magnitudes = rows.abs()
        largest = magnitudes.amax(-1, keepdim=True).clamp_min_(TINY)
        # Unsigned, with zero at 128: the processor's instruction wants it so. The
        # conversion cuts off what follows the point, which half a step more rounds.
        scaled = torch.addcmul(
            *(self._middle, rows, largest.reciprocal()), value=LEVELS, out=magnitudes
        )
        sums = _MULTIPLY_QUANTIZED(
            *(scaled.to(torch.uint8), 1.0, 128, self._weight, self._scales),
            *(self._zero_points, None, 1.0, 0, torch.float32, "none", [], ""),
        )
        return self._activate(torch.addcmul(self._bias, sums, largest, out=sums))
