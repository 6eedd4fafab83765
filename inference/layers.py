"""Linear layers in the form the processor reads fastest."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

Activation = Literal["none", "gelu_tanh", "silu"]
TINY = 1e-12
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
    """oneDNN's blocked weight layout, reordered once at load instead of at each call."""

    def __init__(self, weight: Tensor, bias: Tensor | None, activation: Activation):
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight, None)
        self._bias = bias
        self._post_op = _POST_OPS[activation]

    def __call__(self, rows: Tensor) -> Tensor:
        kind, algorithm = self._post_op
        # A lone fp32 row would take another path, with other bits, than two rows do.
        alone = len(rows) == 1 and rows.dtype == torch.float32
        output: Tensor = torch.ops.mkldnn._linear_pointwise(
            rows.expand(2, -1) if alone else rows,
            self._weight,
            self._bias,
            kind,
            [],
            algorithm,
        )
        return output[:1] if alone else output


class QuantizedLinear:
    """Eight-bit weights, one scale for each output, and eight-bit rows, one scale for
    each row. The products are summed as integers, so they are exact in any company."""

    def __init__(self, weight: Tensor, bias: Tensor | None, activation: Activation):
        weight = weight.float()
        self._scales = (weight.abs().amax(1) / 127).clamp_min(TINY)
        rounded = (weight / self._scales[:, None]).round().to(torch.int8)
        self._weight = torch.ops.onednn.qlinear_prepack(rounded, None)
        self._zero_points = torch.zeros(len(weight), dtype=torch.long)
        self._bias = torch.zeros(len(weight)) if bias is None else bias.float()
        self._activate = _FUNCTIONS[activation]

    def __call__(self, rows: Tensor) -> Tensor:
        scales = (rows.abs().amax(-1, keepdim=True) / 127).clamp_min_(TINY)
        # Unsigned, with zero at 128: the processor's instruction wants it so.
        rounded = (rows / scales).round_().add_(128).to(torch.uint8)
        sums = torch.ops.onednn.qlinear_pointwise(
            *(rounded, 1.0, 128, self._weight, self._scales, self._zero_points, None),
            *(1.0, 0, torch.float32, "none", [], ""),
        )
        return self._activate(torch.addcmul(self._bias, sums, scales))
