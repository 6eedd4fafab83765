"""The memory behind the slots: keys and values of every layer, slot and position."""

from __future__ import annotations

import math
import mmap
from collections.abc import Sequence

import torch
from torch import Tensor


class KVTensors:
    """`[layer, keys or values, slot, head, position, dim]`, in fp32.

    Its size is fixed when it is made. On the CPU the memory is mapped, not filled: a
    page costs nothing until a position in it is written.
    """

    def __init__(
        self,
        *,
        num_layers: int,
        num_slots: int,
        num_heads: int,
        context_length: int,
        head_dim: int,
        device: str = "cpu",
    ) -> None:
        self.num_heads, self.head_dim = num_heads, head_dim
        self.length = -(-context_length // 64) * 64
        shape = (num_layers, 2, num_slots, num_heads, self.length, head_dim)
        self.tensor = (
            _mapped(shape) if device == "cpu" else torch.zeros(shape).to(device)
        )

    @property
    def device(self) -> torch.device:
        return self.tensor.device

    @property
    def num_bytes(self) -> int:
        return self.tensor.numel() * self.tensor.element_size()

    def line_numbers(self, slots: Sequence[int], positions: Sequence[int]) -> Tensor:
        """Where the keys of each row go, head by head, in one layer seen as lines."""
        heads = (
            torch.arange(self.num_heads) + torch.tensor(slots)[:, None] * self.num_heads
        )
        lines = heads * self.length + torch.tensor(positions)[:, None]
        return lines.flatten().to(self.device)

    def write(self, layer: int, lines: Tensor, keys: Tensor, values: Tensor) -> None:
        """Rows are `[row, head, dim]`."""
        for memory, rows in zip(self.tensor[layer], (keys, values), strict=True):
            flat = memory.view(-1, self.head_dim)
            flat.index_copy_(0, lines, rows.reshape(-1, self.head_dim).float())

    def copy(self, source: int, target: int, positions: slice) -> None:
        """Keys and values of one slot over those of another, in every layer."""
        seen = self.tensor[:, :, :, :, positions]
        seen[:, :, target].copy_(seen[:, :, source])

    def read(self, layer: int, slots: slice, seen: slice) -> tuple[Tensor, Tensor]:
        """Keys and values of neighbouring slots, each `[slot x head, position, dim]`."""
        keys, values = self.tensor[layer, :, slots].flatten(1, 2)[:, :, seen].unbind()
        return keys, values


def _mapped(shape: tuple[int, ...]) -> Tensor:
    memory = mmap.mmap(-1, math.prod(shape) * torch.float32.itemsize)
    return torch.frombuffer(memory, dtype=torch.float32).view(shape)
