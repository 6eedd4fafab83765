"""How many prompt tokens a step runs beside the streams, and whose. No torch here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from inference.config import EngineConfig
from inference.request import Request

# The part of a step's prompt tokens that the prompt admitted first can count on.
OLDEST_SHARE = 4
# Fewer rows than these cost a step almost as much.
MIN_TOKENS = 16
# How much the newest measurement counts.
WEIGHT = 0.2


class StepLoad(NamedTuple):
    """What one step ran: streams that moved on, and tokens of prompts."""

    num_streams: int
    num_prompt_tokens: int


def share(
    prefilling: Sequence[Request], num_tokens: int
) -> Iterator[tuple[Request, int]]:
    """Divide a step's prompt tokens among the requests, given in order of admission.

    A quarter goes to the prompt that was admitted first; the rest to prompts that one
    step can finish, then to the others, each by priority and then by what is left.
    """
    shares = dict.fromkeys(prefilling[:1], max(num_tokens // OLDEST_SHARE, 1))
    left = num_tokens - sum(shares.values())
    for request in sorted(prefilling, key=lambda one: _urgency(one, num_tokens)):
        pending = request.num_pending_prompt_tokens
        promised = shares.get(request, 0)
        shares[request] = min(pending, promised + left)
        left -= shares[request] - promised
    return ((request, shares[request]) for request in prefilling if shares[request])


def _urgency(request: Request, num_tokens: int) -> tuple[bool, int, int]:
    pending = request.num_pending_prompt_tokens
    return pending > num_tokens, -request.priority, pending


class PrefillBudget:
    """Keeps a step with prompt tokens within `max_stretch` of one without.

    It learns from the steps themselves: how long one takes in which streams alone move
    on, and how much longer each prompt token makes it. What it allows changes no
    result, since a prompt may be cut anywhere.
    """

    def __init__(self, config: EngineConfig) -> None:
        self._max_tokens = config.max_prefill_tokens
        self._max_stretch = config.max_stretch
        self._step_seconds: float | None = None
        self._token_seconds: float | None = None

    def num_tokens(self, *, beside_streams: bool) -> int:
        if not (beside_streams and self._step_seconds and self._token_seconds):
            return self._max_tokens
        spare = (self._max_stretch - 1) * self._step_seconds
        fitting = int(spare / self._token_seconds)
        return min(max(fitting, MIN_TOKENS), self._max_tokens)

    def note_step(self, load: StepLoad, seconds: float) -> None:
        if not load.num_prompt_tokens:
            self._step_seconds = _average(self._step_seconds, seconds)
        elif load.num_prompt_tokens >= MIN_TOKENS:
            alone = (self._step_seconds or 0.0) if load.num_streams else 0.0
            each = max(seconds - alone, 0.0) / load.num_prompt_tokens
            self._token_seconds = _average(self._token_seconds, each)


def _average(earlier: float | None, newest: float) -> float:
    return newest if earlier is None else earlier + WEIGHT * (newest - earlier)
