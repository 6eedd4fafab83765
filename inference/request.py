"""One request on its way through the engine: what it asked and how far it is."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Protocol, TypedDict

from inference.messages import FinishReason, Submit, TokenLogprob
from inference.sampling_params import SamplingParams


class RequestStatus(IntEnum):
    """In the order that a request goes through them."""

    WAITING = 0
    RUNNING = 1
    FINISHED = 2


class TextStream(Protocol):
    """What the engine needs of a detokenizer."""

    stop_sequence: str | None

    def fork(self) -> TextStream: ...
    def push(self, token_id: int) -> str: ...
    def flush(self) -> str: ...


class RequestStart(TypedDict, total=False):
    """Fields of a `TokenEvent`."""

    queue_seconds: float
    num_cached_tokens: int
    prompt_logprobs: list[TokenLogprob | None]


@dataclass(slots=True, eq=False)
class Request:
    """`token_ids` is prompt and completion together; the first `num_computed_tokens`
    of them have their keys and values in the KV cache. The first `num_cached_tokens` had
    them already when it began; `deadline` is on the engine's clock. A request with beams
    is the first of them itself and holds a slot for each; `lacks_copies` says that they
    wait for keys and values of each other."""

    request_id: str
    token_ids: list[int]
    num_prompt_tokens: int
    sampling: SamplingParams
    text: TextStream
    arrived_at: float
    priority: int = 0
    end_token_ids: frozenset[int] = frozenset()
    cache_scope: str = ""
    deadline: float = math.inf
    status: RequestStatus = RequestStatus.WAITING
    slot: int = -1
    has_begun: bool = False
    num_cached_tokens: int = 0
    num_computed_tokens: int = 0
    started_at: float | None = None
    has_told_start: bool = False
    finish_reason: FinishReason | None = None
    other_beams: tuple[Request, ...] = ()
    lacks_copies: bool = False
    wants_prompt_logprobs: bool = False
    prompt_logprobs: list[TokenLogprob | None] = field(default_factory=list)

    @classmethod
    def from_submit(
        cls,
        submit: Submit,
        text: TextStream,
        arrived_at: float,
        end_of_text_ids: frozenset[int] = frozenset(),
    ) -> Request:
        """`end_of_text_ids` are the checkpoint's own."""
        for token_id in submit.resume_token_ids:
            text.push(token_id)
        sampling = submit.sampling
        request = cls(
            request_id=submit.request_id,
            token_ids=[*submit.prompt_token_ids, *submit.resume_token_ids],
            num_prompt_tokens=len(submit.prompt_token_ids),
            sampling=sampling,
            text=text,
            arrived_at=arrived_at,
            priority=submit.priority,
            end_token_ids=_end_token_ids(sampling, end_of_text_ids),
            cache_scope=submit.cache_scope,
            deadline=arrived_at + _or_infinite(submit.deadline_seconds),
        )
        if sampling.beams is not None:
            others = range(sampling.beams.num_beams - 1)
            request.other_beams = tuple(replace(request) for _ in others)
        if sampling.prompt_logprobs is not None and not submit.resume_token_ids:
            request.wants_prompt_logprobs, request.prompt_logprobs = True, [None]
        return request

    @property
    def beams(self) -> tuple[Request, ...]:
        """What runs when the prompt has been read: one request for each slot held."""
        return self, *self.other_beams

    @property
    def can_decode(self) -> bool:
        """Whether the slots of all its beams have what the next token is made from."""
        return not self.lacks_copies and not any(
            beam.num_pending_prompt_tokens for beam in self.beams
        )

    @property
    def is_reading_prompt_logprobs(self) -> bool:
        return self.wants_prompt_logprobs and self.num_pending_prompt_tokens > 0

    @property
    def may_share_prefix(self) -> bool:
        """Whether its prompt may begin where another one has left its keys and values:
        not if something is asked of every token of the prompt."""
        return not self.wants_prompt_logprobs

    @property
    def num_completion_tokens(self) -> int:
        return len(self.token_ids) - self.num_prompt_tokens

    @property
    def num_pending_tokens(self) -> int:
        """Tokens whose keys and values are still to be computed."""
        return len(self.token_ids) - self.num_computed_tokens

    @property
    def num_pending_prompt_tokens(self) -> int:
        return max(self.num_prompt_tokens - self.num_computed_tokens, 0)

    @property
    def max_total_tokens(self) -> int:
        """The most that its slots will hold."""
        return self.num_prompt_tokens + self.sampling.max_new_tokens * len(self.beams)

    def begin(self, num_cached_tokens: int) -> None:
        self.has_begun = True
        self.num_computed_tokens = self.num_cached_tokens = num_cached_tokens

    def finish(self, reason: FinishReason) -> None:
        self.status = RequestStatus.FINISHED
        self.finish_reason = reason

    def take_start(self) -> RequestStart:
        """What the first event tells, once."""
        if self.has_told_start or self.started_at is None:
            return {}
        self.has_told_start = True
        return {
            "queue_seconds": self.started_at - self.arrived_at,
            "num_cached_tokens": self.num_cached_tokens,
            "prompt_logprobs": self.prompt_logprobs,
        }


def _end_token_ids(sampling: SamplingParams, own: frozenset[int]) -> frozenset[int]:
    """All that end a completion; those before `min_new_tokens` are not chosen."""
    if sampling.ignore_eos:
        own = frozenset()
    elif sampling.end_token_ids is not None:
        own = frozenset(sampling.end_token_ids)
    return own.union(sampling.stop_token_ids)


def _or_infinite(seconds: float | None) -> float:
    return math.inf if seconds is None else seconds
