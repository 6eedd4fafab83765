"""Attention of a prompt's rows, the same bits wherever the prompt is cut.

A score is a sum over the head's dimensions alone. Four rows or more, each gets the same
bits however many there are, if the sum of values runs over blocks of fixed length, in
order. Positions beyond a row's own add exactly zero, to the softmax's sum as well,
which is made of as many sums side by side as a vector has numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from inference.kv_tensors import BLOCK_LENGTH, KVTensors, block_parts

MIN_ROWS = 4
# Any score plus this is this: exp() of the difference to a real score is exactly zero.
MASKED = -1e30


@dataclass(frozen=True, slots=True)
class Window:
    """The blocks that the rows look at, and for each row what it may see there."""

    blocks: range
    mask: Tensor


class PrefillSpan:
    """The rows of one prompt's chunk, padded to as many as exactness asks for."""

    def __init__(self, kv: KVTensors, slot: int, start: int, length: int) -> None:
        self._kv, self._slot = kv, slot
        self._start, self._length = start, length
        self._padding = max(MIN_ROWS - length, 0)
        self._windows: dict[tuple[int | None, int], Window] = {}

    def write(self, layer: int, keys: Tensor, values: Tensor) -> None:
        start, stop = self._start, self._start + self._length
        self._kv.values[layer, self._slot, :, start:stop] = values.transpose(0, 1)
        for block, places, run in block_parts(start, stop):
            memory = self._kv.keys[layer, self._slot, :, block]
            memory[:, :, places] = keys[run].permute(1, 2, 0)

    def attend(self, layer: int, queries: Tensor, width: int | None) -> Tensor:
        rows = queries
        if self._padding:
            rows = torch.cat((rows, rows[-1:].expand(self._padding, -1, -1)))
        num_rows, num_heads, head_dim = rows.shape
        group = num_heads // self._kv.num_heads
        # Strided rows would take another path through the product, with other bits.
        grouped = rows.transpose(0, 1).contiguous().view(-1, group * num_rows, head_dim)
        context = self._context(layer, grouped, self._window(width, group))
        context = context.view(num_heads, num_rows, head_dim).transpose(0, 1)
        return context[: self._length]

    def _context(self, layer: int, queries: Tensor, window: Window) -> Tensor:
        """Softmax attention: scores and the weighted sum run block by block."""
        keys = self._kv.keys[layer, self._slot]
        values = self._kv.values[layer, self._slot].unflatten(1, (-1, BLOCK_LENGTH))
        masks = window.mask.split(BLOCK_LENGTH, 1)
        scores = torch.cat(
            [
                torch.baddbmm(mask, queries, keys[:, block])
                for mask, block in zip(masks, window.blocks, strict=True)
            ],
            2,
        )
        weights = scores.softmax(-1)
        context = torch.zeros_like(queries)
        for weight, block in zip(
            weights.split(BLOCK_LENGTH, 2), window.blocks, strict=True
        ):
            torch.baddbmm(context, weight, values[:, block], out=context)
        return context

    def _window(self, width: int | None, group: int) -> Window:
        key = width, group
        if key not in self._windows:
            self._windows[key] = self._build_window(*key)
        return self._windows[key]

    def _build_window(self, width: int | None, group: int) -> Window:
        start, stop = self._start, self._start + self._length
        first = 0 if width is None else max(start - width + 1, 0)
        blocks = range(first // BLOCK_LENGTH, -(-stop // BLOCK_LENGTH))
        rows = torch.arange(start, stop + self._padding).clamp_(max=stop - 1)
        rows = rows.repeat(group)[:, None]
        seen = torch.arange(blocks.start * BLOCK_LENGTH, blocks.stop * BLOCK_LENGTH)
        visible = seen <= rows
        if width is not None:
            visible &= seen > rows - width
        return Window(blocks, torch.where(visible, 0.0, MASKED).to(self._kv.device))
