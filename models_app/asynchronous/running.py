"""What a worker does with an asynchronous prediction, once or after a worker that died."""

from __future__ import annotations

import logging

from asgiref.sync import async_to_sync
from django.db import OperationalError, transaction
from django.utils import timezone
from django_tasks import TaskContext, task

from accounts.errors import ApplicationError, LimitReached
from accounts.models import Reservation
from accounts.prepared import (
    INTEGER,
    MOMENT,
    TEXT,
    Given,
    PreparedRows,
    PreparedUpdate,
)
from models_app import services
from models_app.asynchronous.attempt import Attempt
from models_app.asynchronous.event_log import EventLog
from models_app.asynchronous.finishing import finish
from models_app.asynchronous.models import AsyncPrediction, AsyncStatus
from models_app.asynchronous.stored import read_inputs, read_parameters
from models_app.backends import get_backend
from models_app.calls import Call, Caller, permit, understand
from models_app.errors import GenerationFailed, is_temporary
from models_app.models import PredictionRecord, PredictionSource
from models_app.parameters import parse
from models_app.tasks import queue

logger = logging.getLogger(__name__)

# A worker that dies so often with the same prediction dies of it.
MAX_ATTEMPTS = 5
RETRY_SECONDS = 2.0
# Tiers change, and limits of staff: nobody waits until midnight for nothing.
LONGEST_WAIT_SECONDS = 60.0
SHORTEST_WAIT_SECONDS = 5.0

_with_all = PreparedRows(
    lambda: AsyncPrediction.objects.select_related(
        "user", "project", "api_token__project__user", "language_model"
    ).filter(public_id=Given("public_id", TEXT))
)
_mark = PreparedUpdate(
    lambda: AsyncPrediction.objects.unfinished().filter(
        pk=Given("pk", INTEGER), cancel_requested_at=None
    ),
    status=Given("status", TEXT),
    started_at=Given("started_at", MOMENT),
    reservation_id=Given("reservation_id", INTEGER),
)


class _Canceled(Exception):
    pass


@task(queue_name=queue.PREDICTIONS, takes_context=True)
def run_prediction(context: TaskContext, public_id: str) -> None:
    prediction = next(iter(_with_all.fetch(public_id=public_id)), None)
    if prediction is None or prediction.is_finished:
        return
    _undo_attempt(prediction)
    try:
        if not _end_early(prediction, context.attempt):
            _run(prediction)
    except queue.Postponed:
        raise
    except OperationalError as error:
        logger.exception("asynchronous prediction %s waits", public_id)
        raise _postponed(prediction, RETRY_SECONDS) from error
    except ApplicationError as error:
        finish(prediction, AsyncStatus.FAILED, error=error)
    except Exception:
        logger.exception("asynchronous prediction %s failed", public_id)
        _undo_attempt(prediction)
        finish(prediction, AsyncStatus.FAILED, error=GenerationFailed())


def _run(prediction: AsyncPrediction) -> None:
    is_first = prediction.started_at is None
    try:
        admission = _begin(prediction)
    except LimitReached as refusal:
        seconds = max(SHORTEST_WAIT_SECONDS, refusal.report.retry_after)
        raise _postponed(prediction, min(seconds, LONGEST_WAIT_SECONDS)) from refusal
    except _Canceled:
        finish(prediction, AsyncStatus.CANCELED)
        return
    except ApplicationError as error:
        if is_temporary(error):
            raise _postponed(prediction, RETRY_SECONDS) from error
        raise
    log = EventLog(prediction, is_new=is_first)
    attempt = Attempt(prediction, admission, log)
    async_to_sync(attempt.run)()
    if attempt.is_to_be_repeated:
        raise _postponed(prediction, RETRY_SECONDS)


def _begin(prediction: AsyncPrediction) -> services.Admission:
    """Reserve, open the ledger's row and say so, all or nothing."""
    call = _call(prediction)
    get_backend().require_ready(call.language_model.slug)
    with transaction.atomic():
        admission = services.begin(call, public_id=prediction.public_id)
        changes = {
            "status": AsyncStatus.PROCESSING,
            "started_at": timezone.now(),
            "reservation_id": admission.reservation.pk,
        }
        if not _mark.carry_out(pk=prediction.pk, **changes):
            raise _Canceled
    for name, value in changes.items():
        setattr(prediction, name, value)
    return admission


def _call(prediction: AsyncPrediction) -> Call:
    """The call as it was made, and as far as it is still allowed."""
    caller = Caller(
        user=prediction.user,
        project=prediction.project,
        source=PredictionSource(prediction.source),
        api_token=prediction.api_token,
    )
    entry = permit(caller, prediction.language_model.slug)
    return understand(
        caller,
        entry,
        read_inputs(prediction),
        parse(read_parameters(prediction)),
        default_new_tokens=prediction.default_new_tokens,
    )


def _end_early(prediction: AsyncPrediction, attempts: int) -> bool:
    """End what shall not run any more; whether it did."""
    if prediction.cancel_requested_at or not prediction.is_wanted:
        return finish(prediction, AsyncStatus.CANCELED)
    if prediction.is_late:
        has_begun = prediction.started_at is not None
        return finish(
            prediction, AsyncStatus.CANCELED if has_begun else AsyncStatus.ABORTED
        )
    if attempts > MAX_ATTEMPTS:
        return finish(prediction, AsyncStatus.FAILED, error=GenerationFailed())
    return False


def _undo_attempt(prediction: AsyncPrediction) -> None:
    """Forget what a worker that died had reserved and opened."""
    if prediction.reservation_id is None:
        return
    with transaction.atomic():
        record = PredictionRecord.objects.filter(public_id=prediction.public_id).first()
        reserved = Reservation.objects.filter(pk=prediction.reservation_id).first()
        if record is not None:
            services.undo(record, reserved)
        prediction.status, prediction.reservation_id = AsyncStatus.STARTING, None
        prediction.save(update_fields=["status", "reservation_id"])


def _postponed(prediction: AsyncPrediction, seconds: float) -> queue.Postponed:
    until = queue.soon(seconds)
    return queue.Postponed(
        min(until, prediction.cancel_at) if prediction.cancel_at else until
    )
