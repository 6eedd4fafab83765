"""The KV cache's tensors, and attention over them that gives the same bits in any company.

Three facts about the processor's matrix products make it so, and the tests check them:
a score is a sum over the head's dimensions alone, so it does not depend on how long the
window is; a product gives each query row the same bits for any number of rows from
four on (and likewise for one row, the decode step); sums over the window are taken in
blocks of fixed length, in order, where a block beyond a request's end adds exactly zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor

BLOCK_LENGTH = 64
MIN_PREFILL_ROWS = 4
# Any score plus this is this: exp() of the difference to a real score is exactly zero.
MASKED = -1e30


class Chunk(NamedTuple):
    """`length` rows of the step, for the tokens of `slot` from position `start` on."""

    slot: int
    start: int
    length: int
    is_decode: bool


class KVCache:
    """Keys and values of every slot: `[layer, keys or values, slot, head, position, dim]`.

    A zeroed page costs no memory until a position in it is written.
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
        self.num_slots, self.num_heads, self.head_dim = num_slots, num_heads, head_dim
        self.length = -(-context_length // BLOCK_LENGTH) * BLOCK_LENGTH
        shape = (num_layers, 2, num_slots, num_heads, self.length, head_dim)
        self.tensor = torch.zeros(shape, dtype=torch.float32, device=device)

    @property
    def device(self) -> torch.device:
        return self.tensor.device

    @property
    def num_bytes(self) -> int:
        return self.tensor.numel() * self.tensor.element_size()

    def line_numbers(self, chunks: Iterable[Chunk]) -> tuple[Tensor, Tensor]:
        """Where the step's keys and its values go in one layer, seen as lines."""
        firsts = [
            chunk.slot * self.num_heads * self.length + position
            for chunk in chunks
            for position in range(chunk.start, chunk.start + chunk.length)
        ]
        heads = torch.arange(self.num_heads) * self.length
        lines = (torch.tensor(firsts)[:, None] + heads).flatten().to(self.device)
        return lines, lines + self.num_slots * self.num_heads * self.length

    def write(self, layer: int, lines: Tensor, rows: Tensor) -> None:
        flat = self.tensor[layer].view(-1, self.head_dim)
        flat.index_copy_(0, lines, rows.reshape(-1, self.head_dim).float())

    def of_slots(self, layer: int, first: int, stop: int) -> tuple[Tensor, Tensor]:
        """Keys and values of neighbouring slots, each `[slot x head, position, dim]`."""
        keys, values = self.tensor[layer, :, first:stop].flatten(1, 2).unbind()
        return keys, values


@dataclass(frozen=True, slots=True)
class Window:
    """The stretch of blocks a span looks at, and what it may see there."""

    first_block: int
    stop_block: int
    mask: Tensor


class Span:
    """Queries of neighbouring slots, the same number of rows for each."""

    def __init__(self, cache: KVCache, chunks: Sequence[Chunk], first_row: int) -> None:
        self._cache, self._chunks = cache, chunks
        self.first_slot, self.stop_slot = chunks[0].slot, chunks[-1].slot + 1
        self._first_row = first_row
        self._is_decode = chunks[0].is_decode
        self._windows: dict[tuple[int | None, int], Window] = {}
        self._gather, self.picked = self._place_rows()

    def queries(self, queries: Tensor) -> Tensor:
        """The step's `[row, head, dim]` as `[slot x kv head, group x row, dim]`."""
        num_slots = self.stop_slot - self.first_slot
        rows = queries[self._gather].view(
            num_slots, -1, self._cache.num_heads, self._group(queries), queries.size(2)
        )
        grouped = rows.permute(0, 2, 3, 1, 4).flatten(0, 1).flatten(1, 2)
        # Strided rows would take another path through the product, with other bits.
        return grouped.float().contiguous()

    def restore(self, context: Tensor, queries: Tensor) -> Tensor:
        """The inverse of `queries`, for the real rows alone."""
        num_slots = self.stop_slot - self.first_slot
        num_heads, group = self._cache.num_heads, self._group(queries)
        rows = context.view(num_slots, num_heads, group, -1, context.size(-1))
        return rows.permute(0, 3, 1, 2, 4).flatten(0, 1).flatten(1, 2)[self.picked]

    def window(self, width: int | None, queries: Tensor) -> Window:
        key = width, self._group(queries)
        if key not in self._windows:
            self._windows[key] = self._build_window(*key)
        return self._windows[key]

    def _group(self, queries: Tensor) -> int:
        return queries.size(1) // self._cache.num_heads

    def _place_rows(self) -> tuple[slice | Tensor, slice | Tensor]:
        """Rows to take from the step, and which of the span's rows to give back."""
        device = self._cache.device
        if not self._is_decode:
            length, first = self._chunks[0].length, self._first_row
            if length >= MIN_PREFILL_ROWS:
                return slice(first, first + length), slice(None)
            padded = [min(n, length - 1) + first for n in range(MIN_PREFILL_ROWS)]
            return torch.tensor(padded, device=device), slice(0, length)
        slots = [chunk.slot - self.first_slot for chunk in self._chunks]
        if len(slots) == self.stop_slot - self.first_slot:
            return slice(self._first_row, self._first_row + len(slots)), slice(None)
        rows = torch.full((slots[-1] + 1,), self._first_row, device=device)
        picked = torch.tensor(slots, device=device)
        rows[picked] = torch.arange(len(slots), device=device) + self._first_row
        return rows, picked

    def _positions(self) -> list[list[int]]:
        """For each slot of the span, the position of each of its rows."""
        if self._is_decode:
            start_of = {chunk.slot: chunk.start for chunk in self._chunks}
            return [
                [start_of.get(slot, 0)]
                for slot in range(self.first_slot, self.stop_slot)
            ]
        (chunk,) = self._chunks
        last = chunk.length - 1
        rows = range(max(chunk.length, MIN_PREFILL_ROWS))
        return [[chunk.start + min(row, last) for row in rows]]

    def _build_window(self, width: int | None, group: int) -> Window:
        ends = [chunk.start + chunk.length for chunk in self._chunks]
        starts = [
            chunk.start + 1 - (width or chunk.start + 1) for chunk in self._chunks
        ]
        first_block = max(min(starts), 0) // BLOCK_LENGTH
        stop_block = -(-max(ends) // BLOCK_LENGTH)
        seen = torch.arange(first_block * BLOCK_LENGTH, stop_block * BLOCK_LENGTH)
        rows = torch.tensor(self._positions())[:, :, None]
        visible = seen <= rows
        if width is not None:
            visible &= seen > rows - width
        mask = torch.where(visible, 0.0, MASKED).repeat(1, group, 1)
        mask = mask.repeat_interleave(self._cache.num_heads, 0)
        return Window(first_block, stop_block, mask.to(self._cache.device))


class StepAttention:
    """One step's attention, called by the architecture for each layer in turn."""

    def __init__(self, cache: KVCache, chunks: Sequence[Chunk]) -> None:
        self._cache = cache
        self._key_lines, self._value_lines = cache.line_numbers(chunks)
        self._spans = list(_spans(cache, chunks))

    def __call__(
        self,
        layer: int,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        window: int | None = None,
    ) -> Tensor:
        """Store the rows' keys and values; return the context of each query row."""
        self._cache.write(layer, self._key_lines, keys)
        self._cache.write(layer, self._value_lines, values)
        contexts = [self._attend(layer, span, queries, window) for span in self._spans]
        return torch.cat(contexts) if len(contexts) > 1 else contexts[0]

    def _attend(
        self, layer: int, span: Span, queries: Tensor, width: int | None
    ) -> Tensor:
        keys, values = self._cache.of_slots(layer, span.first_slot, span.stop_slot)
        window = span.window(width, queries)
        context = attend_in_blocks(span.queries(queries), keys, values, window)
        return span.restore(context, queries).to(queries.dtype)


def attend_in_blocks(
    queries: Tensor, keys: Tensor, values: Tensor, window: Window
) -> Tensor:
    """Softmax attention whose sums run over blocks of fixed length, in order."""
    blocks = range(window.first_block, window.stop_block)
    seen = slice(blocks.start * BLOCK_LENGTH, blocks.stop * BLOCK_LENGTH)
    scores = torch.baddbmm(window.mask, queries, keys[:, seen].transpose(1, 2))
    weights = scores.sub_(scores.amax(-1, keepdim=True)).exp_()
    context = torch.zeros_like(queries)
    for number, block in enumerate(blocks):
        weight = weights[:, :, number * BLOCK_LENGTH : (number + 1) * BLOCK_LENGTH]
        value = values[:, block * BLOCK_LENGTH : (block + 1) * BLOCK_LENGTH]
        torch.baddbmm(context, weight, value, out=context)
    sums = weights.unflatten(-1, (len(blocks), BLOCK_LENGTH)).sum(-1)
    return context.div_(sums.cumsum(-1)[..., -1:])


def _spans(cache: KVCache, chunks: Sequence[Chunk]) -> Iterator[Span]:
    """Neighbouring decode slots go together, every prompt chunk by itself."""
    first_row = 0
    for is_decode, group in groupby(chunks, lambda chunk: chunk.is_decode):
        members = list(group)
        for span in [members] if is_decode else [[chunk] for chunk in members]:
            yield Span(cache, span, first_row)
            first_row += sum(chunk.length for chunk in span)
