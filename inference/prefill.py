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


class Allowance(NamedTuple):
    """How many prompt tokens one step may run: of any prompts, and as long as more than
    those are of short ones. A prompt is short if it is no longer than this itself."""

    num_tokens: int
    num_short_tokens: int

    def is_short(self, request: Request) -> bool:
        """By all that is to be run of it, so that the end of a long one is not short."""
        to_run = request.num_prompt_tokens - request.num_cached_tokens
        return to_run <= self.num_short_tokens

    def of(self, request: Request) -> int:
        """Up to how many tokens of the step its own may be."""
        return self.num_short_tokens if self.is_short(request) else self.num_tokens

    def urgency(self, request: Request) -> tuple[bool, int, int]:
        is_long = not self.is_short(request)
        return is_long, -request.priority, request.num_pending_prompt_tokens


def share(
    prefilling: Sequence[Request], allowance: Allowance
) -> Iterator[tuple[Request, int]]:
    """Divide a step's prompt tokens among the requests, given in order of admission.

    A quarter goes to the prompt that was admitted first; the rest to short prompts,
    then to the others, each by priority and then by what is left.
    """
    oldest = max(allowance.num_tokens // OLDEST_SHARE, 1)
    shares = dict.fromkeys(prefilling[:1], oldest)
    given = sum(shares.values())
    for request in sorted(prefilling, key=allowance.urgency):
        left = allowance.of(request) - given
        pending = request.num_pending_prompt_tokens
        promised = shares.get(request, 0)
        shares[request] = min(pending, promised + max(left, 0))
        given += shares[request] - promised
    return ((request, shares[request]) for request in prefilling if shares[request])


class PrefillBudget:
    """Keeps a step with prompt tokens within `max_stretch` of one without.

    A long prompt takes many steps, which streams shall hardly feel; a short one is over
    at once, and the sooner the streams are together the more each step does. So short
    ones may make a step `max_short_stretch` times as long.

    It learns from the steps themselves: how long one takes in which streams alone move
    on, and how much longer each prompt token makes it. What it allows changes no
    result, since a prompt may be cut anywhere.
    """

    def __init__(self, config: EngineConfig) -> None:
        self._max_tokens = config.max_prefill_tokens
        self._stretches = config.max_stretch, config.max_short_stretch
        self._step_seconds: float | None = None
        self._token_seconds: float | None = None

    def allow(self, *, beside_streams: bool) -> Allowance:
        if not (beside_streams and self._step_seconds and self._token_seconds):
            return Allowance(self._max_tokens, self._max_tokens)
        tokens_of_a_step = self._step_seconds / self._token_seconds
        return Allowance(*(self._fitting(tokens_of_a_step, s) for s in self._stretches))

    def _fitting(self, tokens_of_a_step: float, stretch: float) -> int:
        fitting = int((stretch - 1) * tokens_of_a_step)
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
