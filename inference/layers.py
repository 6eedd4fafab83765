"""Linear layers in the form the processor reads fastest."""

from __future__ import annotations

from typing import Literal, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

Activation = Literal["none", "gelu_tanh"]


class Linear(Protocol):
    """Rows in, rows out. The bits of a row never depend on the other rows."""

    def __call__(self, rows: Tensor) -> Tensor: ...


class PlainLinear:
    """The library's own matrix product; used on a GPU."""

    def __init__(self, weight: Tensor, bias: Tensor | None, activation: Activation):
        self._weight, self._bias, self._activation = weight, bias, activation

    def __call__(self, rows: Tensor) -> Tensor:
        output = F.linear(rows, self._weight, self._bias)
        if self._activation == "gelu_tanh":
            output = F.gelu(output, approximate="tanh")
        return output


class RepackedLinear:
    """oneDNN's blocked weight layout, reordered once at load instead of at each call."""

    def __init__(self, weight: Tensor, bias: Tensor | None, activation: Activation):
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight, None)
        self._bias = bias
        self._post_op = {"none": ("none", ""), "gelu_tanh": ("gelu", "tanh")}[
            activation
        ]

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
