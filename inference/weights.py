"""A checkpoint's tensors, handed out as the layers an architecture is made of."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from inference.errors import CheckpointInvalid
from inference.layers import (
    Activation,
    Linear,
    PlainLinear,
    QuantizedLinear,
    RepackedLinear,
)
from inference.pages import MappedTable, give_back_pages

# What stands between the matrices; int8 is what the matrices are made of.
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "int8": torch.float32}


class Weights:
    """Tensors stay memory-mapped until a layer asks for them."""

    def __init__(
        self, tensors: dict[str, Tensor], precision: str, device: str = "cpu"
    ) -> None:
        self._tensors, self.device = tensors, device
        self._dtype = DTYPES[precision]
        self._linear_kind = _linear_kind(precision, device)
        self._used: set[str] = set()

    @property
    def num_parameters(self) -> int:
        """Of the tensors handed out; one that serves two layers counts once."""
        return sum(self._tensors[name].numel() for name in self._used)

    def linear(self, *names: str, activation: Activation = "none") -> Linear:
        """One layer; several names are stacked into one matrix."""
        weight = torch.cat([self._tensor(f"{name}.weight") for name in names])
        biases = [f"{name}.bias" for name in names if f"{name}.bias" in self._tensors]
        bias = torch.cat([self._tensor(name) for name in biases]) if biases else None
        layer = self._linear_kind(weight, bias, activation)
        for name in names:
            give_back_pages(self._tensors[f"{name}.weight"])
        return layer

    def layer_norm(self, name: str, eps: float) -> Callable[[Tensor], Tensor]:
        weight, bias = self._tensor(f"{name}.weight"), self._tensor(f"{name}.bias")
        return lambda rows: F.layer_norm(rows, weight.shape, weight, bias, eps)

    def rms_norm(self, name: str, eps: float) -> Callable[[Tensor], Tensor]:
        weight = self._tensor(f"{name}.weight")
        return lambda rows: F.rms_norm(rows, weight.shape, weight, eps)

    def embedding(self, name: str) -> Callable[[Tensor], Tensor]:
        """On the CPU the table stays on disk: rows are converted as they are read."""
        dtype = self._dtype
        table = MappedTable(self._stored(name).to(self.device))
        return lambda ids: table.rows(ids).to(dtype)

    def _tensor(self, name: str) -> Tensor:
        return self._stored(name).to(self.device, self._dtype)

    def _stored(self, name: str) -> Tensor:
        if name not in self._tensors:
            raise CheckpointInvalid(f"the checkpoint has no tensor {name}")
        self._used.add(name)
        return self._tensors[name]


def _linear_kind(
    precision: str, device: str
) -> Callable[[Tensor, Tensor | None, Activation], Linear]:
    if device != "cpu":
        return PlainLinear
    return QuantizedLinear if precision == "int8" else RepackedLinear
