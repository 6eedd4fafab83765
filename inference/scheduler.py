"""Which requests run in the next step, and how many tokens of each. No torch here."""

from __future__ import annotations

from typing import NamedTuple

from inference.config import EngineConfig
from inference.errors import Overloaded
from inference.kv_cache import MAX_COPIED_POSITIONS, SlotCopy, SlotPool
from inference.messages import FinishReason
from inference.prefill import PrefillBudget, StepLoad, share
from inference.request import Request, RequestStatus
from inference.waiting import WaitingQueue


class ScheduledRequest(NamedTuple):
    """Run `num_tokens` of `request`, from its `num_computed_tokens` on."""

    request: Request
    num_tokens: int

    @property
    def samples(self) -> bool:
        """Whether this chunk reaches the end, so that a new token can be chosen."""
        return self.num_tokens == self.request.num_pending_tokens

    @property
    def num_logits(self) -> int:
        """Of how many rows, from the last one back, logits are wanted."""
        wants_all = self.request.is_reading_prompt_logprobs
        return self.num_tokens if wants_all else int(self.samples)


class Scheduler:
    """Every running stream gets one token per step; prompts share what is left.

    `waiting` and `running` are the whole state machine.
    """

    def __init__(self, config: EngineConfig) -> None:
        self.config = config
        self.slots = SlotPool(config.num_slots, config.min_shared_tokens)
        self._budget = PrefillBudget(config)
        self.waiting = WaitingQueue()
        self.running: list[Request] = []
        self._copies: list[SlotCopy] = []
        self._load = StepLoad(0, 0)

    @property
    def has_work(self) -> bool:
        return bool(self.waiting or self.running)

    def add(self, request: Request) -> None:
        if not request.num_completion_tokens:
            self._refuse_beyond_bounds(request)
        self.waiting.add(request)

    def schedule(self) -> list[ScheduledRequest]:
        self._admit()
        decoding = [
            beam
            for request in self.running
            if request.can_decode
            for beam in request.beams
        ]
        decoding.sort(key=lambda request: request.slot)
        streams = [ScheduledRequest(request, 1) for request in decoding]
        chunks = self._prefill_chunks(beside_streams=bool(decoding))
        self._load = StepLoad(len(streams), sum(chunk.num_tokens for chunk in chunks))
        return [*streams, *chunks]

    def note_duration(self, seconds: float) -> None:
        """How long the step took that was scheduled last."""
        self._budget.note_step(self._load, seconds)

    def forget_prefixes(self) -> None:
        """After a step that failed: nothing that the slots hold is certain."""
        self._copies.clear()
        self.slots.forget_prefixes()

    def take_copies(self) -> list[SlotCopy]:
        """What has to be copied, in this order, before the step that was scheduled."""
        copies, self._copies = self._copies, []
        return copies

    def finish(self, request: Request, reason: FinishReason) -> None:
        if request.status is RequestStatus.RUNNING:
            self.running.remove(request)
            for beam in request.beams:
                self.slots.release(beam.slot)
        else:
            self.waiting.remove(request)
        request.finish(reason)

    def _admit(self) -> None:
        while self._fits(self.waiting.next) and (request := self.waiting.admit()):
            request.slot = self.slots.allocate(request)
            for beam in request.other_beams:
                beam.slot = self.slots.allocate()
            request.status = RequestStatus.RUNNING
            self.running.append(request)

    def _fits(self, request: Request | None) -> bool:
        return request is not None and len(request.beams) <= self.slots.num_free

    def _prefill_chunks(self, *, beside_streams: bool) -> list[ScheduledRequest]:
        prefilling = [
            request
            for request in self.running
            if request.num_pending_prompt_tokens and self._has_begun(request)
        ]
        allowance = self._budget.allow(beside_streams=beside_streams)
        return [ScheduledRequest(*one) for one in share(prefilling, allowance)]

    def _has_begun(self, request: Request) -> bool:
        if request.has_begun:
            return True
        if sum(one.num_positions for one in self._copies) >= MAX_COPIED_POSITIONS:
            return False
        copy = self.slots.begin(request)
        if copy is not None and copy.is_needed:
            self._copies.append(copy)
        return request.has_begun

    def _refuse_beyond_bounds(self, request: Request) -> None:
        """A request that resumes was let in before, so it is never refused here."""
        if len(self.waiting) >= self.config.max_waiting_requests:
            raise Overloaded("too many requests are waiting")
        num_tokens = self.waiting.num_tokens + request.max_total_tokens
        if num_tokens > self.config.max_waiting_tokens:
            raise Overloaded("too many tokens are waiting")
