"""The end of a batch, which comes once, and the end of its lines that never began."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from models_app.batches.models import (
    UNENDED,
    UNFINISHED,
    Batch,
    BatchStatus,
    LineStatus,
)

# Each is called with a batch that has just ended, within the transaction that says so:
# what it writes, such as a task in the queue, is there exactly if the end is.
AFTER_END: list[Callable[[Batch], None]] = []


def end_waiting(batch: Batch) -> None:
    """No line of a batch that is over begins any more."""
    if batch.is_over:
        ended = LineStatus.EXPIRED
        if batch.cancel_requested_at:
            ended = LineStatus.CANCELED
        batch.lines.filter(status=LineStatus.WAITING).update(status=ended)


@transaction.atomic
def finish_if_done(batch: Batch) -> bool:
    """End the batch if all of its lines have ended; whether this call did."""
    if batch.lines.filter(status__in=UNENDED).exists():
        return False
    batch.status, batch.finished_at = _status_of(batch), timezone.now()
    ended = Batch.objects.filter(pk=batch.pk, status__in=UNFINISHED).update(
        status=batch.status, finished_at=batch.finished_at, waits_for=""
    )
    if not ended:
        return False
    for follow_up in AFTER_END:
        follow_up(batch)
    return True


def _status_of(batch: Batch) -> BatchStatus:
    """A batch whose last lines ended before they could be stopped is complete."""
    found = set(batch.lines.values_list("status", flat=True).distinct())
    if LineStatus.CANCELED in found:
        return BatchStatus.CANCELED
    return BatchStatus.EXPIRED if LineStatus.EXPIRED in found else BatchStatus.COMPLETED
