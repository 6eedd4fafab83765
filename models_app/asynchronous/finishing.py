"""The end of an asynchronous prediction, which comes once."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from accounts.errors import ApplicationError
from models_app.asynchronous.models import UNFINISHED, AsyncPrediction, AsyncStatus
from models_app.asynchronous.stored import write, write_error
from models_app.asynchronous.waiting import tell_on_commit
from models_app.predictions import Prediction
from models_app.tasks import queue

# Each is called with a prediction that has just ended, within the transaction that says
# so: what it writes, such as a task in the queue, is there exactly if the end is.
AFTER_END: list[Callable[[AsyncPrediction], None]] = []


@transaction.atomic
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
    ended = AsyncPrediction.objects.filter(pk=prediction.pk, status__in=among).update(
        status=status,
        output=prediction.output,
        error=prediction.error,
        finished_at=prediction.finished_at,
        reservation_id=None,
    )
    if not ended:
        return False
    for follow_up in AFTER_END:
        follow_up(prediction)
    _hasten_next(prediction)
    tell_on_commit(prediction)
    return True


def _hasten_next(prediction: AsyncPrediction) -> None:
    """The account's limits may have room for the one that has waited longest."""
    waiting = AsyncPrediction.objects.filter(
        user=prediction.user_id, status=AsyncStatus.STARTING
    )
    task_ids = waiting.order_by("pk").values_list("task_id", flat=True)[:1]
    if found := [task_id for task_id in task_ids if task_id]:
        queue.hasten(found)
