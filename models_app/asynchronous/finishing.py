"""The end of an asynchronous prediction, which comes once."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.errors import ApplicationError
from accounts.prepared import (
    INTEGER,
    TEXT,
    Field,
    Given,
    PreparedRows,
    PreparedUpdate,
)
from models_app.asynchronous.models import UNFINISHED, AsyncPrediction, AsyncStatus
from models_app.asynchronous.stored import write, write_error
from models_app.asynchronous.waiting import tell_on_commit
from models_app.predictions import Prediction
from models_app.tasks import queue

# Each is called with a prediction that has just ended, within the transaction that says
# so: what it writes, such as a task in the queue, is there exactly if the end is.
AFTER_END: list[Callable[[AsyncPrediction], None]] = []

_OF_THE_END = ("status", "output", "error", "finished_at")
_end = PreparedUpdate(
    lambda: AsyncPrediction.objects.filter(
        Q(status=Given("one_of", TEXT)) | Q(status=Given("or_of", TEXT)),
        pk=Given("pk", INTEGER),
    ),
    reservation_id=None,
    **{
        name: Given(name, cast("Field", AsyncPrediction._meta.get_field(name)))
        for name in _OF_THE_END
    },
)
_oldest_waiting = PreparedRows(
    lambda: (
        AsyncPrediction.objects.filter(
            user=Given("user", INTEGER), status=AsyncStatus.STARTING
        )
        .order_by("pk")
        .values_list("task_id", flat=True)[:1]
    )
)


def finish(
    prediction: AsyncPrediction,
    status: AsyncStatus,
    *,
    output: Prediction | None = None,
    error: ApplicationError | None = None,
    among: tuple[AsyncStatus, ...] = UNFINISHED,
) -> bool:
    """Whether this call ended it: False if its status is none of `among` any more."""
    prediction.status = status
    prediction.output = write(output) if output else None
    prediction.error = write_error(error) if error else None
    prediction.finished_at = timezone.now()
    prediction.reservation_id = None
    # Without a savepoint: nobody goes on after an error in here.
    with transaction.atomic(savepoint=False):
        if not _write_end(prediction, among):
            return False
        if prediction.task_id:
            queue.remove(prediction.task_id)
        for follow_up in AFTER_END:
            follow_up(prediction)
        _hasten_next(prediction)
        tell_on_commit(prediction)
    return True


def _write_end(prediction: AsyncPrediction, among: tuple[AsyncStatus, ...]) -> bool:
    values = {name: getattr(prediction, name) for name in _OF_THE_END}
    return bool(
        _end.carry_out(pk=prediction.pk, one_of=among[0], or_of=among[-1], **values)
    )


def _hasten_next(prediction: AsyncPrediction) -> None:
    """The account's limits may have room for the one that has waited longest."""
    if found := [one for one in _oldest_waiting.fetch(user=prediction.user_id) if one]:
        queue.hasten(found)
