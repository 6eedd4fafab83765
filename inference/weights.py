"""A checkpoint's tensors, handed out as the layers an architecture is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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

    def linear(
        self, *names: str, size: tuple[int, int], activation: Activation = "none"
    ) -> Linear:
        """One layer of so many outputs and inputs; several names are stacked into one
        matrix."""
        weight = self._stacked([f"{name}.weight" for name in names], size)
        biases = [f"{name}.bias" for name in names if f"{name}.bias" in self._tensors]
        bias = self._stacked(biases, size[:1]) if biases else None
        layer = self._linear_kind(weight, bias, activation)
        for name in names:
            give_back_pages(self._tensors[f"{name}.weight"])
        return layer

    def layer_norm(
        self, name: str, size: int, eps: float
    ) -> Callable[[Tensor], Tensor]:
        weight = self._stacked([f"{name}.weight"], (size,))
        bias = self._stacked([f"{name}.bias"], (size,))
        return lambda rows: F.layer_norm(rows, weight.shape, weight, bias, eps)

    def rms_norm(self, name: str, size: int, eps: float) -> Callable[[Tensor], Tensor]:
        weight = self._stacked([f"{name}.weight"], (size,))
        return lambda rows: F.rms_norm(rows, weight.shape, weight, eps)

    def embedding(self, name: str, size: tuple[int, int]) -> Callable[[Tensor], Tensor]:
        """A row for each number. On the CPU the table stays on disk: rows are converted
        as they are read."""
        dtype = self._dtype
        _require_size([self._stored(name)], size, name)
        table = MappedTable(self._stored(name).to(self.device))
        return lambda ids: table.rows(ids).to(dtype)

    def _stacked(self, names: list[str], size: tuple[int, ...]) -> Tensor:
        """What is computed with must have the size that the config tells: kernels look
        at nothing while they run."""
        parts = [self._stored(name) for name in names]
        _require_size(parts, size, ", ".join(names))
        return torch.cat([part.to(self.device, self._dtype) for part in parts])

    def _stored(self, name: str) -> Tensor:
        if name not in self._tensors:
            raise CheckpointInvalid(f"the checkpoint has no tensor {name}")
        if not self._tensors[name].is_floating_point():
            raise CheckpointInvalid(f"{name} does not hold floating-point numbers")
        self._used.add(name)
        return self._tensors[name]


def _require_size(parts: Sequence[Tensor], size: tuple[int, ...], name: str) -> None:
    """Of what the parts make when one is put below the other."""
    inner = {tuple(part.shape[1:]) for part in parts}
    num_rows = sum(part.size(0) for part in parts if part.dim())
    if inner != {size[1:]} or num_rows != size[0]:
        found = " and ".join(str(list(part.shape)) for part in parts)
        raise CheckpointInvalid(f"{name}: {found} does not make {list(size)}")


def _linear_kind(
    precision: str, device: str
) -> Callable[[Tensor, Tensor | None, Activation], Linear]:
    if device != "cpu":
        return PlainLinear
    return QuantizedLinear if precision == "int8" else RepackedLinear
