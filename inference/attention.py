"""Attention over the KV cache that gives a request the same bits in any company."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from torch import Tensor, cat

from inference.decode_attention import DecodeSpan
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


class Span(Protocol):
    """Neighbouring rows of a step whose attention is computed together.

    Rows are `[row, head, dim]`, those of the span alone, in fp32.
    """

    def write(self, layer: int, keys: Tensor, values: Tensor) -> None: ...
    def attend(self, layer: int, queries: Tensor, width: int | None) -> Tensor: ...


class StepAttention:
    """One step's attention, called by the architecture for each layer in turn."""

    def __init__(self, kv: KVTensors, chunks: Sequence[Chunk]) -> None:
        """Chunks that decode come first."""
        decoding = [chunk for chunk in chunks if chunk.is_decode]
        prompts = [tile for c in chunks[len(decoding) :] for tile in _tiles(c)]
        self._lengths = [tile.length for tile in prompts]
        self._spans: list[Span] = [
            PrefillSpan(kv, t.slot, t.start, t.length) for t in prompts
        ]
        if decoding:
            slots, positions = zip(*((c.slot, c.start) for c in decoding), strict=True)
            self._lengths.insert(0, len(decoding))
            self._spans.insert(0, DecodeSpan(kv, slots, positions))

    def __call__(
        self,
        layer: int,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        window: int | None = None,
    ) -> Tensor:
        """Store the rows' keys and values; return the context of each query row."""
        parts = (rows.split(self._lengths) for rows in (queries, keys, values))
        contexts = []
        for span, query, key, value in zip(self._spans, *parts, strict=True):
            span.write(layer, key, value)
            contexts.append(span.attend(layer, query, window))
        return cat(contexts) if len(contexts) > 1 else contexts[0]


def _tiles(chunk: Chunk) -> Iterator[Chunk]:
    for start in range(0, chunk.length, TILE_ROWS):
        length = min(TILE_ROWS, chunk.length - start)
        yield chunk._replace(start=chunk.start + start, length=length)
