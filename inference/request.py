"""One request on its way through the engine: what it asked and how far it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol, TypedDict

from inference.messages import FinishReason, Submit
from inference.sampling_params import SamplingParams


class RequestStatus(IntEnum):
    """Ordered: everything from FINISHED on is terminal."""

    WAITING = 0
    RUNNING = 1
    FINISHED = 2


class TextStream(Protocol):
    """What the engine needs of a detokenizer."""

    stop_sequence: str | None

    def push(self, token_id: int) -> str: ...
    def flush(self) -> str: ...


class RequestStart(TypedDict, total=False):
    """Fields of a `TokenEvent`."""

    queue_seconds: float
    num_cached_tokens: int


@dataclass(slots=True, eq=False)
class Request:
    """`token_ids` is prompt and completion together; the first `num_computed_tokens`
    of them have their keys and values in the KV cache. The first `num_cached_tokens` had
    them already when it began; `deadline` is on the engine's clock."""

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
        return cls(
            request_id=submit.request_id,
            token_ids=[*submit.prompt_token_ids, *submit.resume_token_ids],
            num_prompt_tokens=len(submit.prompt_token_ids),
            sampling=submit.sampling,
            text=text,
            arrived_at=arrived_at,
            priority=submit.priority,
            end_token_ids=_end_token_ids(submit.sampling, end_of_text_ids),
            cache_scope=submit.cache_scope,
            deadline=arrived_at + _or_infinite(submit.deadline_seconds),
        )

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
        return self.num_prompt_tokens + self.sampling.max_new_tokens

    @property
    def is_finished(self) -> bool:
        return self.status >= RequestStatus.FINISHED

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
