"""The parameters of one call, validated."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationParameters:
    """Validated values. `max_new_tokens` is None where the caller named no length."""

    max_new_tokens: int | None
    max_length: int | None
    do_sample: bool
    temperature: float
    top_k: int
    top_p: float
    repetition_penalty: float
    seed: int
    stop: tuple[str, ...]

    @property
    def is_greedy(self) -> bool:
        return not self.do_sample or self.temperature == 0

    def as_json(self) -> dict[str, object]:
        """The values as they were understood, for the ledger."""
        return {
            name: value
            for name, value in dataclasses.asdict(self).items()
            if value is not None
        }

    def seed_of(self, index: int) -> int:
        """Each prompt of a call has a seed of its own, so that equal ones differ."""
        return (self.seed + index) % 2**63
