"""The one predict service behind every door.

`admit` answers whether a call may run: access, rate limit, parameters and prompts,
quota. It is synchronous, since that is database work, and raises an `ApplicationError`
for which nothing is charged. `stream` runs an admitted call and is asynchronous, since
that is waiting; whichever way it ends, it settles the quota with what was really used
and closes the ledger's row. `predict` is both, for doors that answer in one piece.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeAlias, cast

from asgiref.sync import async_to_sync, sync_to_async
from django.db import transaction

from accounts import quota, rate_limits
from accounts.errors import ApplicationError
from accounts.identifiers import new_public_id
from accounts.models import Reservation
from accounts.prepared import INTEGER, Field, Given, PreparedUpdate, insert
from models_app import refusals, texts, usage_hours
from models_app.backends import get_backend
from models_app.calls import Call, Caller, permit, require_access, understand
from models_app.generating import End, generated, noting
from models_app.models import LanguageModel, PredictionRecord, PredictionStatus
from models_app.parameters import GenerationParameters, parse
from models_app.predictions import (
    Completed,
    Failed,
    Finished,
    PredictEvent,
    Prediction,
    Started,
    TextDelta,
    Timings,
    in_one_piece,
)
from models_app.prompts import DEFAULT_NEW_TOKENS
from models_app.runs import PredictionRun
from models_app.vocabulary import TokenIds

__all__ = [
    "Admission",
    "Caller",
    "Completed",
    "Failed",
    "Finished",
    "PredictEvent",
    "Prediction",
    "Started",
    "TextDelta",
    "admit",
    "begin",
    "close",
    "discard",
    "enter",
    "predict",
    "prediction_of",
    "require_access",
    "run_to_end",
    "stream",
    "undo",
]

_CLOSING_FIELDS = (
    "status",
    "error_code",
    "completion_tokens",
    "charged_tokens",
    "finish_reason",
    "queue_ms",
    "ttft_ms",
    "duration_ms",
)
_close_row = PreparedUpdate(
    lambda: PredictionRecord.objects.filter(
        pk=Given("pk", INTEGER), status=PredictionStatus.RUNNING
    ),
    **{
        name: Given(name, cast("Field", PredictionRecord._meta.get_field(name)))
        for name in _CLOSING_FIELDS
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """A call that may run: its tokens are reserved and its ledger row is open.

    Whoever holds one hands it to `stream` or to `discard`, once.
    """

    record: PredictionRecord
    reservation: Reservation
    language_model: LanguageModel
    parameters: GenerationParameters
    bad_words_ids: tuple[TokenIds, ...]
    priority: int
    keeps_texts: bool
    run: PredictionRun


@refusals.noted
def admit(
    *,
    caller: Caller,
    language_model: str,
    prompts: Sequence[object],
    parameters: Mapping[str, object],
    default_new_tokens: int = DEFAULT_NEW_TOKENS,
    longest_prompt: int | None = None,
) -> Admission:
    """Let a call in, or raise the `ApplicationError` that says why not.

    `default_new_tokens` caps a completion whose call names no length. Of a prompt with
    more than `longest_prompt` tokens the last ones are used.
    """
    entry = enter(caller, language_model)
    generation_parameters = parse(parameters)
    get_backend().require_ready(entry.slug)
    return begin(
        understand(
            caller,
            entry,
            prompts,
            generation_parameters,
            default_new_tokens=default_new_tokens,
            longest_prompt=longest_prompt,
        )
    )


def begin(
    call: Call, *, public_id: str | None = None, priority: int | None = None
) -> Admission:
    """Reserve and open the ledger's row.

    `priority` in the engine's queue is the tier's, unless given. Whoever gave out its
    `public_id` before begins again if this process dies; without one,
    `models_app.interrupted` closes the row.

    Raises `LimitReached` or `TierLimitExceeded`, and then nothing has changed.
    """
    speller = get_backend().speller(call.language_model.slug)
    run = PredictionRun(call.prompts, call.parameters, speller)
    reservation, record = _open(call, public_id)
    return Admission(
        record=record,
        reservation=reservation,
        language_model=call.language_model,
        parameters=call.parameters,
        bad_words_ids=call.bad_words_ids,
        priority=call.caller.user.limits.priority if priority is None else priority,
        keeps_texts=call.caller.project.keeps_texts,
        run=run,
    )


def enter(caller: Caller, language_model: str) -> LanguageModel:
    """The language model, if the caller may use it, as one request of its minute."""
    entry = permit(caller, language_model)
    rate_limits.check_request(caller.user, caller.api_token)
    return entry


# Ends an admission in the ledger: how it went, and the error if one ended it.
Close: TypeAlias = Callable[
    [Admission, PredictionStatus, ApplicationError | None], bool
]


async def stream(
    admission: Admission, settle: Close | None = None
) -> AsyncGenerator[PredictEvent]:
    """Run an admitted call. The first event is `Started`, once the engine has taken in
    all of it, the last `Completed` or `Failed`.

    Closing or cancelling it aborts the work in the engine and charges what was done.
    `settle`, in place of `close`, may write more into the transaction that settles.
    """
    end, run, is_taken_in = End(), admission.run, False
    try:
        with noting(end, admission):
            async with aclosing(generated(admission)) as events:
                async for index, event in events:
                    if not is_taken_in:
                        yield _started(admission)
                        is_taken_in = True
                    for predict_event in run.take(index, event):
                        yield predict_event
    finally:
        await sync_to_async(settle or close)(admission, end.status, end.error)
    yield Failed(end.error) if end.error else Completed(prediction_of(admission))


def run_to_end(admission: Admission, settle: Close | None = None) -> Prediction:
    """The finished prediction, or the error that ended it; its thread waits."""
    end = End()
    try:
        async_to_sync(_run)(admission, end)
    finally:
        (settle or close)(admission, end.status, end.error)
    if end.error:
        raise end.error
    return prediction_of(admission)


def predict(
    *,
    caller: Caller,
    language_model: str,
    prompts: Sequence[object],
    parameters: Mapping[str, object],
    settle: Close | None = None,
) -> Prediction:
    """Admit a call and wait for all of it."""
    admission = admit(
        caller=caller,
        language_model=language_model,
        prompts=prompts,
        parameters=parameters,
    )
    return run_to_end(admission, settle)


async def _run(admission: Admission, end: End) -> None:
    with noting(end, admission):
        async with aclosing(generated(admission)) as events:
            async for index, event in events:
                for _ in admission.run.take(index, event):
                    pass


def discard(admission: Admission, settle: Close | None = None) -> None:
    """Give up an admission that nobody will stream; does nothing to a closed one."""
    if admission.record.status == PredictionStatus.RUNNING:
        (settle or close)(admission, PredictionStatus.ABORTED, None)


def told_at_once(admission: Admission) -> Iterator[PredictEvent]:
    """What the stream of one that has succeeded said, each completion in one piece."""
    prediction = prediction_of(admission)
    yield _started(admission)
    for completion in prediction.completions:
        yield from in_one_piece(completion)
    yield Completed(prediction)


@transaction.atomic
def _open(call: Call, public_id: str | None) -> tuple[Reservation, PredictionRecord]:
    caller, parameters = call.caller, call.parameters
    reservation = quota.reserve(
        user=caller.user, api_token=caller.api_token, tokens=call.most_tokens
    )
    record = PredictionRecord(
        public_id=public_id or new_public_id(),
        reservation_id=None if public_id else reservation.pk,
        user=caller.user,
        project=caller.project,
        api_token=caller.api_token,
        language_model=call.language_model,
        source=caller.source,
        prompts=len(call.prompts),
        prompt_tokens=call.prompt_tokens,
        seed=parameters.seed,
        parameters=parameters.as_json(),
    )
    insert(record)
    return reservation, record


@transaction.atomic
def close(
    admission: Admission, status: PredictionStatus, error: ApplicationError | None
) -> bool:
    """Settle and close the ledger's row, once. False: it is gone or was closed as
    interrupted, and nothing is owed."""
    run, record = admission.run, admission.record
    timings = run.timings()
    record.status = status
    record.error_code = error.code if error else ""
    record.completion_tokens = run.usage.completion_tokens
    record.charged_tokens = 0 if error else _charge(admission)
    record.finish_reason = "error" if error else run.finish_reason
    record.queue_ms = timings.queue_ms
    record.ttft_ms = timings.ttft_ms
    record.duration_ms = timings.duration_ms
    if not _update(record):
        return False
    if admission.keeps_texts:
        texts.store(record, run)
    if record.charged_tokens:
        quota.settle(admission.reservation, used=record.charged_tokens)
    else:
        quota.refund(admission.reservation)
    usage_hours.count(record)
    return True


@transaction.atomic
def undo(record: PredictionRecord, reservation: Reservation | None) -> None:
    """An attempt that came to nothing leaves neither a row nor a reservation."""
    PredictionRecord.objects.filter(
        pk=record.pk, status=PredictionStatus.RUNNING
    ).delete()
    if reservation is not None:
        quota.refund(reservation)


def _charge(admission: Admission) -> int:
    """Never more than was reserved, even where a restarted engine worked twice."""
    return min(admission.run.charged_tokens, admission.reservation.tokens)


def _update(record: PredictionRecord) -> bool:
    """Whether the row was still open: it goes when its account is deleted meanwhile."""
    closing = {name: getattr(record, name) for name in _CLOSING_FIELDS}
    return bool(_close_row.carry_out(pk=record.pk, **closing))


def _started(admission: Admission) -> Started:
    return Started(
        prediction_id=admission.record.public_id,
        model=admission.language_model.slug,
        seed=admission.parameters.seed,
        prompts=len(admission.run.prompts),
        num_return_sequences=admission.parameters.num_return_sequences,
        prompt_tokens=admission.record.prompt_tokens,
    )


def prediction_of(admission: Admission) -> Prediction:
    """Of one that is closed: its times are those of the ledger's row."""
    run, record = admission.run, admission.record
    return Prediction(
        id=record.public_id,
        model=admission.language_model.slug,
        seed=admission.parameters.seed,
        completions=run.completions,
        usage=run.usage,
        charged_tokens=_charge(admission),
        timings=Timings(
            queue_ms=record.queue_ms,
            ttft_ms=record.ttft_ms,
            duration_ms=cast("float", record.duration_ms),
        ),
    )
