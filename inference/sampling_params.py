"""How one request wants its tokens chosen."""

from __future__ import annotations

import msgspec


class SamplingParams(msgspec.Struct, frozen=True, kw_only=True):
    """Validated on construction: `ValueError` names the parameter that is wrong.

    `temperature` 0 is greedy; `top_k` 0 and `top_p` 1 are off. `seed` is always a
    number here: whoever builds a request without one draws it and reports it back.
    """

    max_new_tokens: int
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    ignore_eos: bool = False

    def __post_init__(self) -> None:
        _require(self.max_new_tokens >= 1, "max_new_tokens must be at least 1")
        _require(self.temperature >= 0, "temperature must be 0 or more")
        _require(self.top_k >= 0, "top_k must be 0 (off) or more")
        _require(0 < self.top_p <= 1, "top_p must be above 0 and at most 1")
        _require(self.repetition_penalty > 0, "repetition_penalty must be above 0")
        _require(0 <= self.seed < 2**63, "seed must be between 0 and 2**63 - 1")
        _require(all(self.stop), "stop sequences must not be empty")

    @property
    def is_greedy(self) -> bool:
        return self.temperature == 0


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)
