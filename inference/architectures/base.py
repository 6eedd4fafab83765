"""The small interface between the engine and a kind of model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from inference.heads import Turns


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShape:
    """What the engine must know to hold a KV cache and to bound a request."""

    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    context_length: int
    vocab_size: int


class Attend(Protocol):
    """Stores the rows' keys and values; returns the context of each row's queries.

    Rows are `[row, head, dim]`: all heads of queries, then those of keys, then those of
    values. Scores are not scaled. `window` limits how far back a row looks; queries and
    keys are turned by `turns`. The context is `[row, head and dim]`, of the rows' type.
    """

    def __call__(
        self,
        layer: int,
        rows: Tensor,
        window: int | None = None,
        turns: Turns | None = None,
    ) -> Tensor: ...


class Architecture(Protocol):
    """A decoder-only model over flat rows: it never learns which request a row is of."""

    shape: ModelShape

    def forward(self, token_ids: Tensor, positions: Tensor, attend: Attend) -> Tensor:
        """The hidden state of each row before the last norm."""
        ...

    def logits(self, hidden: Tensor) -> Tensor:
        """Scores over the vocabulary for the rows given."""
        ...
