"""Attention of one row for each of several slots, as weighted sums of lines of memory.

A score adds up lines of keys, one for each dimension, weighted by the query; a context
adds up lines of values, one for each position, weighted by the scores' softmax. Each
sum runs over its own list of lines, in order, whatever the others do, and what is added
beyond a row's window is exactly zero. So a row gets the same bits in any company.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from inference.kv_tensors import BLOCK_LENGTH, KVTensors

# Sums of this many positions stay the same when zeros follow.
ALIGNMENT = 32


@dataclass(frozen=True, slots=True)
class Lines:
    """Lists of equal length, laid end to end: which lines each sum adds up."""

    numbers: Tensor
    starts: Tensor

    def add_up(self, memory: Tensor, weights: Tensor) -> Tensor:
        """`[list, width]`, of memory `[line, width]`; weights stand as numbers do."""
        sums: Tensor = torch.embedding_bag(
            memory, self.numbers, self.starts, False, 0, False, weights, True
        )[0]
        return sums


@dataclass(frozen=True, slots=True)
class View:
    """What the rows look at: `mask` is `[row, 1, position]`, each counted from the
    first position of the row's first block."""

    num_blocks: int
    keys: Lines
    values: Lines
    mask: Tensor


class DecodeSpan:
    """The rows' slots and positions, and where their keys and values lie."""

    def __init__(
        self, kv: KVTensors, slots: Sequence[int], positions: Sequence[int]
    ) -> None:
        self._kv = kv
        self._positions = torch.tensor(positions)[:, None]
        self._max_position = max(positions)
        self._slots = torch.tensor(slots)[:, None]
        places = self._positions % BLOCK_LENGTH
        blocks = self._positions // BLOCK_LENGTH
        self._key_places = self._on_device(self._slots, blocks, places)
        self._value_places = self._on_device(self._slots, self._positions)
        self._views: dict[int | None, View] = {}

    def write(self, layer: int, keys: Tensor, values: Tensor) -> None:
        memory = self._kv.keys[layer].permute(0, 2, 4, 1, 3)
        memory.index_put_(self._key_places, keys)
        memory = self._kv.values[layer].transpose(1, 2)
        memory.index_put_(self._value_places, values)

    def attend(self, layer: int, queries: Tensor, width: int | None) -> Tensor:
        num_rows, num_heads, head_dim = queries.shape
        view = self._view(width, num_heads)
        weights = queries.unsqueeze(2).expand(-1, -1, view.num_blocks, -1).reshape(-1)
        keys = self._kv.keys[layer].view(-1, BLOCK_LENGTH)
        scores = view.keys.add_up(keys, weights).view(num_rows, num_heads, -1)
        scores = scores[:, :, : view.mask.size(2)] + view.mask
        values = self._kv.values[layer].view(-1, head_dim)
        context = view.values.add_up(values, scores.softmax(-1).view(-1))
        return context.view(num_rows, num_heads, head_dim)

    def _view(self, width: int | None, num_heads: int) -> View:
        if width is not None and self._max_position < width:
            width = None
        if width not in self._views:
            self._views[width] = self._build_view(width, num_heads)
        return self._views[width]

    def _build_view(self, width: int | None, num_heads: int) -> View:
        kv, positions = self._kv, self._positions
        first = (positions - (width or kv.length) + 1).clamp_(min=0) // BLOCK_LENGTH
        last = positions // BLOCK_LENGTH
        num_blocks = int((last - first).max()) + 1
        length = int((positions - first * BLOCK_LENGTH).max()) // ALIGNMENT + 1
        length *= ALIGNMENT
        seen = first * BLOCK_LENGTH + torch.arange(length)
        visible = seen <= positions
        if width is not None:
            visible &= seen > positions - width
        # Beyond its end a row looks at what it has seen last, which costs no reading.
        blocks = torch.minimum(first + torch.arange(num_blocks), last)
        heads = torch.arange(num_heads) // (num_heads // kv.num_heads)
        heads = (self._slots * kv.num_heads + heads)[:, :, None]
        dims = torch.arange(kv.head_dim)
        key_blocks = heads * kv.num_blocks + blocks[:, None]
        return View(
            num_blocks,
            self._lines(key_blocks[..., None] * kv.head_dim + dims),
            self._lines(heads * kv.length + seen.minimum(positions)[:, None]),
            torch.where(visible, 0.0, -torch.inf)[:, None].to(kv.device),
        )

    def _on_device(self, *columns: Tensor) -> tuple[Tensor, ...]:
        return tuple(column[:, 0].to(self._kv.device) for column in columns)

    def _lines(self, numbers: Tensor) -> Lines:
        length = numbers.size(-1)
        starts = torch.arange(0, numbers.numel() + 1, length)
        return Lines(numbers.flatten().to(self._kv.device), starts.to(self._kv.device))
