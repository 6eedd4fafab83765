"""Which requests run in the next step, and how many tokens of each. No torch here."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from inference.config import EngineConfig
from inference.errors import Overloaded
from inference.kv_cache import SlotPool
from inference.messages import FinishReason
from inference.request import Request, RequestStatus


class ScheduledRequest(NamedTuple):
    """Run `num_tokens` of `request`, from its `num_computed_tokens` on."""

    request: Request
    num_tokens: int

    @property
    def samples(self) -> bool:
        """Whether this chunk reaches the end, so that a new token can be chosen."""
        return self.num_tokens == self.request.num_pending_tokens


class Scheduler:
    """Every running stream gets one token per step; prompts share what is left.

    `waiting` and `running` are the whole state machine.
    """

    def __init__(self, config: EngineConfig) -> None:
        self.config = config
        self.slots = SlotPool(config.num_slots)
        self.waiting: deque[Request] = deque()
        self.running: list[Request] = []

    @property
    def has_work(self) -> bool:
        return bool(self.waiting or self.running)

    def add(self, request: Request) -> None:
        self._refuse_beyond_bounds(request)
        self.waiting.append(request)

    def schedule(self) -> list[ScheduledRequest]:
        self._admit()
        decoding = [r for r in self.running if not r.num_pending_prompt_tokens]
        decoding.sort(key=lambda request: request.slot)
        return [*(ScheduledRequest(r, 1) for r in decoding), *self._prefill_chunks()]

    def finish(self, request: Request, reason: FinishReason) -> None:
        if request.status is RequestStatus.RUNNING:
            self.running.remove(request)
            self.slots.release(request.slot)
        else:
            self.waiting.remove(request)
        request.finish(reason)

    def _admit(self) -> None:
        while self.waiting and self.slots.num_free:
            request = self.waiting.popleft()
            request.slot = self.slots.allocate()
            request.status = RequestStatus.RUNNING
            self.running.append(request)

    def _prefill_chunks(self) -> Iterator[ScheduledRequest]:
        budget = self.config.max_prefill_tokens
        for request in self.running:
            num_tokens = min(request.num_pending_prompt_tokens, budget)
            if num_tokens:
                yield ScheduledRequest(request, num_tokens)
                budget -= num_tokens

    def _refuse_beyond_bounds(self, request: Request) -> None:
        if len(self.waiting) >= self.config.max_waiting_requests:
            raise Overloaded("too many requests are waiting")
        num_tokens = sum(r.max_total_tokens for r in self.waiting)
        if num_tokens + request.max_total_tokens > self.config.max_waiting_tokens:
            raise Overloaded("too many tokens are waiting")
