"""The parameters of one call, validated."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from models_app.parameters.kinds import TokenIds


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationParameters:
    """Validated values. `max_new_tokens` is None where the caller named no length."""

    max_new_tokens: int | None
    max_length: int | None
    min_new_tokens: int
    min_length: int
    do_sample: bool
    temperature: float
    top_k: int
    top_p: float
    min_p: float
    typical_p: float
    repetition_penalty: float
    frequency_penalty: float
    presence_penalty: float
    no_repeat_ngram_size: int
    seed: int
    bad_words: tuple[str, ...]
    bad_words_ids: tuple[TokenIds, ...]
    logit_bias: dict[int, float]
    stop: tuple[str, ...]
    stop_token_ids: TokenIds
    eos_token_id: TokenIds | None
    num_return_sequences: int
    num_beams: int
    length_penalty: float
    early_stopping: bool | Literal["never"]
    logprobs: int | None
    prompt_logprobs: int | None
    return_token_ids: bool

    @property
    def is_greedy(self) -> bool:
        return not self.do_sample or self.temperature == 0

    @property
    def has_beams(self) -> bool:
        return self.num_beams > 1

    @property
    def sequences_computed(self) -> int:
        """For each prompt; with beams, all of them are work, whichever are returned."""
        return self.num_beams if self.has_beams else self.num_return_sequences

    def as_json(self) -> dict[str, object]:
        """The values as they were understood, for the ledger."""
        values = (
            (one.name, getattr(self, one.name)) for one in dataclasses.fields(self)
        )
        return {
            name: value
            for name, value in values
            if value is not None and value not in ((), {})
        }

    def seed_of(self, index: int) -> int:
        """Each generation of a call has a seed of its own, so that equal ones differ."""
        return (self.seed + index) % 2**63
