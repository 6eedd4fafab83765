"""Attention of one row for each of several slots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from inference.heads import Heads, Turns
from inference.kernels.attention import attend_to_slots
from inference.kv_tensors import BLOCK_LENGTH, KVTensors


class DecodeAttention(Protocol):
    """Made for the slots and positions of a step's rows that decode."""

    def __init__(
        self, kv: KVTensors, slots: Sequence[int], positions: Sequence[int]
    ) -> None: ...

    def attend(
        self,
        layer: int,
        rows: Tensor,
        turns: Turns | None,
        width: int | None,
        context: Tensor,
    ) -> None:
        """Store the rows' keys and values; write the context of their queries. Of the
        turns, those of other rows may follow."""
        ...


class CompiledDecode:
    """One kernel for all of it, on the CPU. A row gets the same bits in any company."""

    def __init__(
        self, kv: KVTensors, slots: Sequence[int], positions: Sequence[int]
    ) -> None:
        self._kv = kv
        self._slots, self._positions = torch.tensor(slots), torch.tensor(positions)
        self._scratch = torch.empty(
            torch.get_num_threads(), 2 * kv.head_dim + kv.length
        )
        self._no_turns = Turns(torch.empty(0, 0, 0), torch.empty(0, 0, 0))

    def attend(
        self,
        layer: int,
        rows: Tensor,
        turns: Turns | None,
        width: int | None,
        context: Tensor,
    ) -> None:
        attend_to_slots(
            *(rows, *(turns or self._no_turns), self._slots, self._positions),
            width or self._kv.length,
            *(self._kv.keys_of[layer], self._kv.values_of[layer]),
            *(self._scratch, context),
        )


class PlainDecode:
    """Torch's own operations, for a GPU: over all blocks up to the longest row's."""

    def __init__(
        self, kv: KVTensors, slots: Sequence[int], positions: Sequence[int]
    ) -> None:
        self._kv = kv
        self._num_blocks = max(positions) // BLOCK_LENGTH + 1
        self._slots = torch.tensor(slots, device=kv.device)
        self._positions = torch.tensor(positions, device=kv.device)

    def attend(
        self,
        layer: int,
        rows: Tensor,
        turns: Turns | None,
        width: int | None,
        context: Tensor,
    ) -> None:
        turns = turns and turns.of(slice(len(rows)))
        queries, keys, values = Heads.of(rows, turns, self._kv.num_heads)
        self._store(layer, keys, values)
        length = self._num_blocks * BLOCK_LENGTH
        keys = self._kv.keys_of[layer][self._slots, :, : self._num_blocks]
        values = self._kv.values_of[layer][self._slots, :, :length]
        grouped = queries.unflatten(1, (self._kv.num_heads, -1))
        scores = torch.einsum("rhgd,rhbdp->rhgbp", grouped, keys).flatten(3)
        weights = scores.masked_fill(self._hidden(width), -torch.inf).softmax(-1)
        found = torch.einsum("rhgp,rhpd->rhgd", weights, values)
        context.copy_(found.flatten(1, 2))

    def _store(self, layer: int, keys: Tensor, values: Tensor) -> None:
        blocks, places = self._positions // BLOCK_LENGTH, self._positions % BLOCK_LENGTH
        memory = self._kv.keys_of[layer].permute(0, 2, 4, 1, 3)
        memory.index_put_((self._slots, blocks, places), keys)
        memory = self._kv.values_of[layer].transpose(1, 2)
        memory.index_put_((self._slots, self._positions), values)

    def _hidden(self, width: int | None) -> Tensor:
        """`[row, 1, 1, position]`: what the rows do not look at."""
        seen = torch.arange(self._num_blocks * BLOCK_LENGTH, device=self._kv.device)
        last = self._positions[:, None, None, None]
        hidden = seen > last
        return hidden if width is None else hidden | (seen <= last - width)
