"""Attention over the KV cache that gives a request the same bits in any company."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from torch import Tensor, cat

from inference.decode_attention import CompiledDecode, DecodeAttention
from inference.heads import Heads, Turns
from inference.kv_tensors import BLOCK_LENGTH, KVTensors
from inference.prefill_attention import PrefillSpan

# A prompt's rows are taken in parts of so many: their scores fit the cache, and a part
# looks at no more blocks than its last row has to.
TILE_ROWS = BLOCK_LENGTH


class Chunk(NamedTuple):
    """`length` rows of the step, for the tokens of `slot` from position `start` on."""

    slot: int
    start: int
    length: int
    is_decode: bool


class StepAttention:
    """One step's attention, called by the architecture for each layer in turn."""

    def __init__(
        self,
        kv: KVTensors,
        chunks: Sequence[Chunk],
        decode_kind: type[DecodeAttention] = CompiledDecode,
    ) -> None:
        """Chunks that decode come first."""
        self._kv = kv
        decoding = [chunk for chunk in chunks if chunk.is_decode]
        self._num_decoding = len(decoding)
        if decoding:
            slots, positions = zip(*((c.slot, c.start) for c in decoding), strict=True)
            self._decoding = decode_kind(kv, slots, positions)
        tiles = [tile for c in chunks[len(decoding) :] for tile in _tiles(c)]
        self._lengths = [tile.length for tile in tiles]
        self._spans = [PrefillSpan(kv, t.slot, t.start, t.length) for t in tiles]

    def __call__(
        self,
        layer: int,
        rows: Tensor,
        window: int | None = None,
        turns: Turns | None = None,
    ) -> Tensor:
        """Store the rows' keys and values; return the context of each row's queries."""
        num_rows, num_heads, head_dim = rows.shape
        num_heads -= 2 * self._kv.num_heads
        context = rows.new_empty(num_rows, num_heads, head_dim)
        first = self._num_decoding
        if first:
            part = rows[:first], turns, window, context[:first]
            self._decoding.attend(layer, *part)
        if self._spans:
            after = turns and turns.of(slice(first, None))
            heads = Heads.of(rows[first:], after, self._kv.num_heads)
            context[first:] = self._attend_to_prompts(layer, heads, window)
        return context.flatten(1)

    def _attend_to_prompts(
        self, layer: int, heads: Heads, window: int | None
    ) -> Tensor:
        contexts = []
        parts = (rows.split(self._lengths) for rows in heads)
        for span, queries, keys, values in zip(self._spans, *parts, strict=True):
            span.write(layer, keys, values)
            contexts.append(span.attend(layer, queries, window))
        return cat(contexts)


def _tiles(chunk: Chunk) -> Iterator[Chunk]:
    for start in range(0, chunk.length, TILE_ROWS):
        length = min(TILE_ROWS, chunk.length - start)
        yield chunk._replace(start=chunk.start + start, length=length)
