"""Attention over the KV cache that gives a request the same bits in any company.

A few facts about the processor's matrix products make it so; the tests check them.
A score is a sum over the head's dimensions alone, whatever the length of the window.
One row of weights times the values sums in order, so that zeros at either end change
nothing: a decode step may look at any window that is aligned. Four rows or more, each
gets the same bits however many there are, if the sum runs over blocks of fixed length:
a prompt may be cut into chunks anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from inference.kv_tensors import KVTensors

ALIGNMENT = 32
BLOCK_LENGTH = 64
MIN_PREFILL_ROWS = 4
# An idle slot between decoding ones is computed in vain; more of them are left out.
MAX_IDLE_SLOTS = 2
# Any score plus this is this: exp() of the difference to a real score is exactly zero.
MASKED = -1e30


class Chunk(NamedTuple):
    """`length` rows of the step, for the tokens of `slot` from position `start` on."""

    slot: int
    start: int
    length: int
    is_decode: bool


class Span(Protocol):
    """Neighbouring rows of a step whose attention is computed together."""

    def attend(self, layer: int, queries: Tensor, width: int | None) -> Tensor: ...


class StepAttention:
    """One step's attention, called by the architecture for each layer in turn."""

    def __init__(self, kv: KVTensors, chunks: Sequence[Chunk]) -> None:
        self._kv = kv
        slots = [chunk.slot for chunk in chunks for _ in range(chunk.length)]
        positions = [c.start + n for c in chunks for n in range(c.length)]
        self._lines = kv.line_numbers(slots, positions)
        self._spans = list(_spans(kv, chunks))

    def __call__(
        self,
        layer: int,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        window: int | None = None,
    ) -> Tensor:
        """Store the rows' keys and values; return the context of each query row."""
        self._kv.write(layer, self._lines, keys, values)
        contexts = [span.attend(layer, queries, window) for span in self._spans]
        context = torch.cat(contexts) if len(contexts) > 1 else contexts[0]
        return context.to(queries.dtype)


@dataclass(frozen=True, slots=True)
class Window:
    """The positions a span looks at, and for each of its rows what it may see there."""

    seen: slice
    mask: Tensor


class DecodeSpan:
    """One row for each of several neighbouring slots, all in one product."""

    def __init__(self, kv: KVTensors, chunks: Sequence[Chunk], first_row: int) -> None:
        self._kv = kv
        self._slots = slice(chunks[0].slot, chunks[-1].slot + 1)
        self._num_slots = self._slots.stop - self._slots.start
        self._rows = slice(first_row, first_row + len(chunks))
        self._positions = [0] * self._num_slots
        for chunk in chunks:
            self._positions[chunk.slot - self._slots.start] = chunk.start
        self._starts = [chunk.start for chunk in chunks]
        self._placed = self._place([chunk.slot - self._slots.start for chunk in chunks])
        self._windows: dict[int | None, Window] = {}

    def attend(self, layer: int, queries: Tensor, width: int | None) -> Tensor:
        rows = queries[self._rows].float()
        if self._placed is not None:
            rows = rows.new_zeros(self._num_slots, *rows.shape[1:]).index_copy_(
                0, self._placed, rows
            )
        group = rows.size(1) // self._kv.num_heads
        window = self._window(width)
        keys, values = self._kv.read(layer, self._slots, window.seen)
        context = attend_once(
            rows.reshape(-1, group, rows.size(2)), keys, values, window.mask
        ).view(self._num_slots, -1, rows.size(2))
        return context if self._placed is None else context[self._placed]

    def _place(self, offsets: list[int]) -> Tensor | None:
        """Where the rows go among the span's slots, if some of those are idle."""
        if len(offsets) == self._num_slots:
            return None
        return torch.tensor(offsets, device=self._kv.device)

    def _window(self, width: int | None) -> Window:
        if width not in self._windows:
            self._windows[width] = self._build_window(width)
        return self._windows[width]

    def _build_window(self, width: int | None) -> Window:
        first = 0 if width is None else max(min(self._starts) - width + 1, 0)
        first = first // ALIGNMENT * ALIGNMENT
        stop = -(-(max(self._starts) + 1) // ALIGNMENT) * ALIGNMENT
        seen = torch.arange(first, stop)
        mask = _mask(torch.tensor(self._positions)[:, None], seen, width)
        mask = mask.repeat_interleave(self._kv.num_heads, 0).unsqueeze(1)
        return Window(slice(first, stop), mask.to(self._kv.device))


class PrefillSpan:
    """The rows of one prompt's chunk, padded to as many as exactness asks for."""

    def __init__(self, kv: KVTensors, chunk: Chunk, first_row: int) -> None:
        self._kv, self._chunk = kv, chunk
        self._rows = slice(first_row, first_row + chunk.length)
        self._padding = max(MIN_PREFILL_ROWS - chunk.length, 0)
        self._windows: dict[tuple[int | None, int], Window] = {}

    def attend(self, layer: int, queries: Tensor, width: int | None) -> Tensor:
        rows = queries[self._rows].float()
        if self._padding:
            rows = torch.cat((rows, rows[-1:].expand(self._padding, -1, -1)))
        num_rows, num_heads, head_dim = rows.shape
        group = num_heads // self._kv.num_heads
        slot = slice(self._chunk.slot, self._chunk.slot + 1)
        window = self._window(width, group)
        keys, values = self._kv.read(layer, slot, window.seen)
        # Strided rows would take another path through the product, with other bits.
        grouped = rows.transpose(0, 1).contiguous().view(-1, group * num_rows, head_dim)
        context = attend_in_blocks(grouped, keys, values, window.mask)
        context = context.view(num_heads, num_rows, head_dim).transpose(0, 1)
        return context[: self._chunk.length]

    def _window(self, width: int | None, group: int) -> Window:
        key = width, group
        if key not in self._windows:
            self._windows[key] = self._build_window(*key)
        return self._windows[key]

    def _build_window(self, width: int | None, group: int) -> Window:
        start, length = self._chunk.start, self._chunk.length
        first = 0 if width is None else max(start - width + 1, 0)
        first = first // BLOCK_LENGTH * BLOCK_LENGTH
        stop = -(-(start + length) // BLOCK_LENGTH) * BLOCK_LENGTH
        rows = torch.arange(start, start + length + self._padding)
        rows = rows.clamp(max=start + length - 1).repeat(group)
        mask = _mask(rows[:, None], torch.arange(first, stop), width)
        return Window(slice(first, stop), mask.to(self._kv.device))


def attend_once(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    """Softmax attention of few rows, over a window that starts and stops aligned."""
    if queries.size(1) == 1:
        columns = mask.transpose(1, 2), keys, queries.transpose(1, 2)
        scores = torch.baddbmm(*columns).transpose(1, 2)
    else:
        scores = torch.baddbmm(mask, queries, keys.transpose(1, 2))
    weights = _weights(scores)
    return torch.bmm(weights, values).div_(_sums(weights, ALIGNMENT))


def attend_in_blocks(
    queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor
) -> Tensor:
    """Softmax attention of many rows: the weighted sum runs block by block, in order."""
    weights = _weights(torch.baddbmm(mask, queries, keys.transpose(1, 2)))
    context = torch.zeros_like(queries)
    for weight, value in zip(
        weights.split(BLOCK_LENGTH, 2), values.split(BLOCK_LENGTH, 1), strict=True
    ):
        torch.baddbmm(context, weight, value, out=context)
    return context.div_(_sums(weights, BLOCK_LENGTH))


def _weights(scores: Tensor) -> Tensor:
    return scores.sub_(scores.amax(-1, keepdim=True)).exp_()


def _sums(weights: Tensor, length: int) -> Tensor:
    """Sums that do not depend on the zeros around them: short ones, added in order."""
    sums: Tensor = weights.unflatten(-1, (-1, length)).sum(-1)
    return sums.cumsum(-1)[..., -1:]


def _mask(rows: Tensor, seen: Tensor, width: int | None) -> Tensor:
    visible = seen <= rows
    if width is not None:
        visible &= seen > rows - width
    return torch.where(visible, 0.0, MASKED)


def _spans(kv: KVTensors, chunks: Sequence[Chunk]) -> Iterator[Span]:
    """Neighbouring decode slots go together, every prompt chunk by itself."""
    row = 0
    for is_decode, members in groupby(chunks, lambda chunk: chunk.is_decode):
        for group in _neighbours(members) if is_decode else ([c] for c in members):
            yield (
                DecodeSpan(kv, group, row)
                if is_decode
                else PrefillSpan(kv, group[0], row)
            )
            row += sum(chunk.length for chunk in group)


def _neighbours(chunks: Iterator[Chunk]) -> Iterator[list[Chunk]]:
    group: list[Chunk] = []
    for chunk in chunks:
        if group and chunk.slot - group[-1].slot > MAX_IDLE_SLOTS + 1:
            yield group
            group = []
        group.append(chunk)
    yield group
