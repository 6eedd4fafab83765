"""The tensors' side of a step: from scheduled tokens to logits."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from inference.architectures.base import Architecture
from inference.attention import Chunk, StepAttention
from inference.decode_attention import CompiledDecode, DecodeAttention, PlainDecode
from inference.kv_cache import SlotCopy
from inference.kv_tensors import KVTensors
from inference.scheduler import ScheduledRequest


class ModelRunner:
    """Owns one model and its KV cache."""

    def __init__(
        self,
        model: Architecture,
        num_slots: int,
        context_length: int,
        device: str = "cpu",
    ) -> None:
        self._model, self._device = model, device
        self._decode_kind: type[DecodeAttention] = (
            CompiledDecode if device == "cpu" else PlainDecode
        )
        shape = model.shape
        self.kv = KVTensors(
            num_layers=shape.num_layers,
            num_slots=num_slots,
            num_heads=shape.num_kv_heads,
            context_length=context_length,
            head_dim=shape.head_dim,
            device=device,
        )

    @torch.inference_mode()
    def copy(self, copies: Sequence[SlotCopy]) -> None:
        """Copy keys and values from slot to slot, one copy after the other."""
        for source, target, start, stop in copies:
            self.kv.copy(source, target, slice(start, stop))

    @torch.inference_mode()
    def run(self, scheduled: Sequence[ScheduledRequest]) -> Tensor:
        """Run the step; fp32 logits, as many rows of each request as it wants."""
        chunks = [_chunk(item) for item in scheduled]
        token_ids = [token_id for item in scheduled for token_id in _token_ids(item)]
        positions = [p for c in chunks for p in range(c.start, c.start + c.length)]
        for chunk in chunks:
            if chunk.is_decode:
                self.kv.prepare(chunk.slot, chunk.start)
        attend = StepAttention(self.kv, chunks, self._decode_kind)
        hidden = self._model.forward(
            self._tensor(token_ids), self._tensor(positions), attend
        )
        rows = self._tensor(_logits_rows(scheduled))
        return self._model.logits(hidden[rows]).float()

    def _tensor(self, values: list[int]) -> Tensor:
        return torch.tensor(values, dtype=torch.long, device=self._device)


def _chunk(item: ScheduledRequest) -> Chunk:
    request = item.request
    return Chunk(
        slot=request.slot,
        start=request.num_computed_tokens,
        length=item.num_tokens,
        is_decode=not request.num_pending_prompt_tokens,
    )


def _token_ids(item: ScheduledRequest) -> list[int]:
    start = item.request.num_computed_tokens
    return item.request.token_ids[start : start + item.num_tokens]


def _logits_rows(scheduled: Sequence[ScheduledRequest]) -> list[int]:
    rows: list[int] = []
    end = 0
    for item in scheduled:
        end += item.num_tokens
        rows += range(end - item.num_logits, end)
    return rows
