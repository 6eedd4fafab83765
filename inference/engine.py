"""One model's engine: requests in, one step at a time, events out. Single-threaded."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec
import torch
from torch import Tensor

from inference.beams import BeamSearch
from inference.config import EngineConfig
from inference.detokenizer import Detokenizer
from inference.errors import (
    ContextLengthExceeded,
    DeadlineExceeded,
    EngineError,
    InvalidRequest,
)
from inference.kernels import parallel as kernels
from inference.kv_cache import MAX_COPIED_POSITIONS, SlotCopy
from inference.loader import (
    end_of_text_ids,
    load_model,
    resolve_device,
    resolve_precision,
)
from inference.logprobs import ChosenLogprobs, take_prompt_rows
from inference.messages import (
    FinishReason,
    ModelStatus,
    Submit,
    TokenEvent,
    TokenLogprob,
    error_event,
)
from inference.model_runner import ModelRunner
from inference.request import Request
from inference.sampler import sample
from inference.scheduler import ScheduledRequest, Scheduler
from inference.tokenizer import Tokenizer

NO_DESCRIPTION = ModelStatus(name="", state="ready")


class Runner(Protocol):
    """What the engine needs of a model: logits for the scheduled tokens."""

    def copy(self, copies: Sequence[SlotCopy]) -> None: ...
    def run(self, scheduled: Sequence[ScheduledRequest]) -> Tensor: ...


class Engine:
    """Token ids in, token ids and text out."""

    def __init__(
        self,
        runner: Runner,
        config: EngineConfig,
        *,
        vocab_size: int,
        context_length: int,
        pieces: Sequence[bytes],
        end_of_text_ids: frozenset[int] = frozenset(),
        description: ModelStatus = NO_DESCRIPTION,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.scheduler = Scheduler(config)
        self.context_length = context_length
        self._runner = runner
        self._vocab_size = vocab_size
        self._pieces = pieces
        self._end_of_text_ids = frozenset(n for n in end_of_text_ids if n < vocab_size)
        self._description = description
        self._timer = timer
        self._requests: dict[str, Request] = {}
        self._searches: dict[str, BeamSearch] = {}
        self._events: list[TokenEvent] = []
        self._num_prompt_tokens = self._num_cached_tokens = 0

    @property
    def has_work(self) -> bool:
        return self.scheduler.has_work

    def add(self, submit: Submit) -> None:
        """Queue a request, or raise one of `errors` if it cannot or may not run."""
        self._refuse_what_can_never_run(submit)
        text = Detokenizer(self._pieces, submit.sampling.stop)
        request = Request.from_submit(
            submit, text, self._timer(), self._end_of_text_ids
        )
        self.scheduler.add(request)
        self._requests[request.request_id] = request
        if submit.sampling.beams is not None:
            search = BeamSearch(request, submit.sampling.beams)
            self._searches[request.request_id] = search

    def abort(self, request_id: str) -> TokenEvent | None:
        """End a request and free its slot; `None` if it is not here (any more)."""
        request = self._requests.get(request_id)
        if request is None:
            return None
        self._finish(request, "abort")
        return TokenEvent(
            request_id=request_id, text=request.text.flush(), finish_reason="abort"
        )

    def drop_all(self, error: EngineError) -> list[TokenEvent]:
        """Forget every request and free its slot. The last events of each, among them
        those of a step that failed before it could give them back."""
        for request in list(self._requests.values()):
            self._finish(request, "error")
            self._events.append(error_event(request.request_id, error))
        self.scheduler.forget_prefixes()
        return self._take_events()

    def describe(self, name: str, load_seconds: float) -> ModelStatus:
        """What this engine is, and what it has to do now."""
        return msgspec.structs.replace(
            self._description,
            name=name,
            load_seconds=load_seconds,
            context_length=self.context_length,
            num_slots=self.scheduler.slots.num_slots,
            num_running=len(self.scheduler.running),
            num_waiting=len(self.scheduler.waiting),
            num_prompt_tokens=self._num_prompt_tokens,
            num_cached_tokens=self._num_cached_tokens,
        )

    def step(self) -> list[TokenEvent]:
        """Schedule, run, sample, update: at most one new token for each request."""
        started_at = self._timer()
        self._end_late_requests(started_at)
        for search in self._searches.values():
            each = max(MAX_COPIED_POSITIONS // len(self._searches), 1)
            self._runner.copy(search.take_copies(each))
        scheduled = self.scheduler.schedule()
        self._runner.copy(self.scheduler.take_copies())
        if not scheduled:
            return self._take_events()
        self._note_starts(scheduled, started_at)
        logits = take_prompt_rows(scheduled, self._runner.run(scheduled))
        sampling = [item.request for item in scheduled if item.samples]
        for request, num_tokens in scheduled:
            request.num_computed_tokens += num_tokens
        self._choose(logits, sampling)
        self.scheduler.note_duration(self._timer() - started_at)
        return self._take_events()

    def _take_events(self) -> list[TokenEvent]:
        events, self._events = self._events, []
        return events

    def _choose(self, logits: Tensor, requests: list[Request]) -> None:
        """Beams are chosen together, everybody else's token alone."""
        if not self._searches:
            self._sample(logits, requests)
            return
        rows: dict[str | None, list[int]] = {None: []}
        for number, request in enumerate(requests):
            is_beam = request.request_id in self._searches
            rows.setdefault(request.request_id if is_beam else None, []).append(number)
        alone = rows.pop(None)
        self._sample(logits[alone], [requests[n] for n in alone])
        for search in list(self._searches.values()):
            if numbers := rows.get(search.request.request_id):
                runners = [requests[number] for number in numbers]
                self._events.append(self._search(search, logits[numbers], runners))

    def _search(
        self, search: BeamSearch, logits: Tensor, runners: list[Request]
    ) -> TokenEvent:
        search.advance(logits, runners)
        request, sequences, reason = search.request, search.sequences, None
        if search.is_done:
            reason = sequences[0].finish_reason if sequences else "length"
            self._finish(request, reason)
        return TokenEvent(
            request_id=request.request_id,
            finish_reason=reason,
            sequences=sequences if search.is_done else [],
            num_hidden_tokens=len(request.beams),
            **request.take_start(),
        )

    def _sample(self, logits: Tensor, requests: list[Request]) -> None:
        logprobs = ChosenLogprobs(logits, requests)
        token_ids = sample(logits, requests)
        for request, token_id in zip(requests, token_ids, strict=True):
            likely = logprobs.of(request, token_id)
            self._events.append(self._update(request, token_id, likely))

    def _update(
        self, request: Request, token_id: int, logprobs: list[TokenLogprob]
    ) -> TokenEvent:
        request.token_ids.append(token_id)
        ends = token_id in request.end_token_ids
        text = "" if ends else request.text.push(token_id)
        reason = self._finish_reason(request, token_id)
        if reason is not None:
            text += request.text.flush()
            self._finish(request, reason)
        return TokenEvent(
            request_id=request.request_id,
            token_ids=[token_id],
            text=text,
            finish_reason=reason,
            stop_sequence=request.text.stop_sequence,
            logprobs=logprobs,
            **request.take_start(),
        )

    def _finish_reason(self, request: Request, token_id: int) -> FinishReason | None:
        ends = token_id in request.end_token_ids
        if ends or request.text.stop_sequence is not None:
            return "stop"
        if request.num_completion_tokens >= request.sampling.max_new_tokens:
            return "length"
        return None

    def _finish(self, request: Request, reason: FinishReason) -> None:
        self.scheduler.finish(request, reason)
        del self._requests[request.request_id]
        self._searches.pop(request.request_id, None)

    def _end_late_requests(self, now: float) -> None:
        error = DeadlineExceeded("the request's time was up before it was finished")
        for request in list(self._requests.values()):
            if request.deadline <= now:
                self._finish(request, "error")
                self._events.append(error_event(request.request_id, error))

    def _note_starts(self, scheduled: Sequence[ScheduledRequest], now: float) -> None:
        for request, _ in scheduled:
            if request.started_at is None:
                request.started_at = now
                self._num_prompt_tokens += request.num_prompt_tokens
                self._num_cached_tokens += request.num_cached_tokens

    def _refuse_what_can_never_run(self, submit: Submit) -> None:
        if submit.request_id in self._requests:
            raise InvalidRequest(f"request id {submit.request_id!r} is already in use")
        if not submit.prompt_token_ids:
            raise InvalidRequest("the prompt is empty")
        ids = (*submit.prompt_token_ids, *submit.resume_token_ids)
        if not 0 <= min(ids) <= max(ids) < self._vocab_size:
            raise InvalidRequest("the prompt has token ids outside the vocabulary")
        for name, token_ids in submit.sampling.named_token_ids.items():
            if max(token_ids, default=0) >= self._vocab_size:
                raise InvalidRequest(f"{name} has token ids outside the vocabulary")
        self._refuse_more_beams_than_slots(submit)
        if len(submit.resume_token_ids) >= submit.sampling.max_new_tokens:
            raise InvalidRequest("nothing is left to generate")
        wanted = len(submit.prompt_token_ids) + submit.sampling.max_new_tokens
        if wanted > self.context_length:
            raise ContextLengthExceeded(
                f"{len(submit.prompt_token_ids)} prompt tokens and "
                f"{submit.sampling.max_new_tokens} new ones exceed the model's "
                f"context of {self.context_length}"
            )

    def _refuse_more_beams_than_slots(self, submit: Submit) -> None:
        beams, num_slots = submit.sampling.beams, self.scheduler.slots.num_slots
        if beams is not None and beams.num_beams > num_slots:
            raise InvalidRequest(
                f"num_beams is {beams.num_beams}, and this engine runs {num_slots} "
                "streams at most"
            )


def load_engine(
    checkpoint_dir: Path,
    config: EngineConfig,
    wrap: Callable[[Runner], Runner] = lambda runner: runner,
) -> Engine:
    """An engine for the checkpoint in the folder; `wrap` may watch its runner."""
    torch.set_num_threads(config.num_threads)
    device = resolve_device()
    precision = resolve_precision(config.precision, device)
    if device == "cpu":
        kernels.prepare()
    model, num_parameters = load_model(
        checkpoint_dir, precision=precision, device=device
    )
    shape = model.shape
    context_length = min(
        config.context_length or shape.context_length, shape.context_length
    )
    return Engine(
        wrap(ModelRunner(model, config.num_slots, context_length, device)),
        config,
        vocab_size=shape.vocab_size,
        context_length=context_length,
        pieces=Tokenizer.load(checkpoint_dir).pieces,
        end_of_text_ids=end_of_text_ids(checkpoint_dir),
        description=ModelStatus(
            name="",
            state="ready",
            precision=precision,
            device=device,
            num_parameters=num_parameters,
        ),
    )
