"""The memory behind the slots: keys and values of every layer, slot and position."""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

# Keys lie in blocks of this many positions, and sums run over them block by block.
BLOCK_LENGTH = 64
PAGE_FLOATS = 4096 // 4


class KVTensors:
    """Values are `[layer, slot, head, position, dim]`, keys `[layer, slot, head, block,
    dim, position in block]`, so that a sum over a head's dimensions adds up whole
    lines, too; both in fp32.

    The size is fixed when it is made. On the CPU the memory is mapped, not filled: a
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
        self.num_blocks = -(-context_length // BLOCK_LENGTH)
        self.length = self.num_blocks * BLOCK_LENGTH
        outer = (num_layers, num_slots, num_heads)
        self.keys = _zeros((*outer, self.num_blocks, head_dim, BLOCK_LENGTH), device)
        self.values = _zeros((*outer, self.length, head_dim), device)
        # Those of each layer, which a step asks for again and again.
        self.keys_of, self.values_of = self.keys.unbind(), self.values.unbind()

    @property
    def device(self) -> torch.device:
        return self.keys.device

    @property
    def num_bytes(self) -> int:
        return self.keys.nbytes + self.values.nbytes

    def prepare(self, slot: int, position: int) -> None:
        """Take the pages of a stream's next block before it gets there, each slot at a
        position of its own: streams that came together would all take theirs in one
        step, which took two and a half times as long."""
        block, place = divmod(position, BLOCK_LENGTH)
        if place != _turn(slot) or block + 1 >= self.num_blocks:
            return
        keys = self.keys[:, slot, :, block + 1]
        keys[:, :, :: PAGE_FLOATS // BLOCK_LENGTH, 0] = 0
        start = (block + 1) * BLOCK_LENGTH
        places = slice(
            start, start + BLOCK_LENGTH, max(PAGE_FLOATS // self.head_dim, 1)
        )
        self.values[:, slot, :, places, 0] = 0

    def copy(self, source: int, target: int, positions: slice) -> None:
        """Keys and values of one slot over those of another, in every layer."""
        self.values[:, target, :, positions] = self.values[:, source, :, positions]
        for part in block_parts(positions.start, positions.stop):
            memory = self.keys[:, :, :, part.block, :, part.places]
            memory[:, target] = memory[:, source]


class BlockPart(NamedTuple):
    """The places in a block that hold a run of positions, counted from the start."""

    block: int
    places: slice
    run: slice


def block_parts(start: int, stop: int) -> Iterator[BlockPart]:
    """How the positions from `start` to before `stop` lie in blocks."""
    for block in range(start // BLOCK_LENGTH, -(-stop // BLOCK_LENGTH)):
        first = block * BLOCK_LENGTH
        begin, end = max(start, first), min(stop, first + BLOCK_LENGTH)
        yield BlockPart(
            block, slice(begin - first, end - first), slice(begin - start, end - start)
        )


def _turn(slot: int) -> int:
    """In the second half of a block: many streams end before, and need no other one."""
    half = BLOCK_LENGTH // 2
    return half + 2 * slot % half + 2 * slot // half % 2


def _zeros(shape: tuple[int, ...], device: str) -> Tensor:
    if device != "cpu":
        return torch.zeros(shape, device=device)
    memory = mmap.mmap(-1, math.prod(shape) * torch.float32.itemsize)
    return torch.frombuffer(memory, dtype=torch.float32).view(shape)
