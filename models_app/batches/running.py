"""What a worker does with batches: a slice of one, then a slice of the next.

A task runs lines of one batch for a while and puts itself back behind those of others,
so batches take turns, and a worker that is to stop begins no further line soon.
"""

from __future__ import annotations

import logging

from asgiref.sync import async_to_sync
from django.db import DatabaseError, transaction
from django.utils import timezone
from django_tasks import task

from models_app.batches import line_run
from models_app.batches.finishing import end_waiting, finish_if_done
from models_app.batches.models import Batch, BatchStatus, LineStatus
from models_app.batches.slices import RETRY_SECONDS, Slice
from models_app.tasks import queue

logger = logging.getLogger(__name__)


@task(queue_name=queue.BATCHES)
def run_batch(public_id: str) -> None:
    found = Batch.objects.select_related("user", "project", "api_token__project__user")
    batch = found.filter(public_id=public_id).first()
    if batch is None or batch.is_finished:
        return
    try:
        seconds = _run_slice(batch)
    except DatabaseError as error:
        logger.exception("batch %s waits", public_id)
        raise queue.Postponed(queue.soon(RETRY_SECONDS)) from error
    if seconds is not None:
        raise queue.Postponed(queue.soon(seconds))


def _run_slice(batch: Batch) -> float | None:
    """After how many seconds it goes on; None if it has ended."""
    for line in batch.lines.filter(status=LineStatus.RUNNING):
        line_run.undo(line)
    if not batch.is_wanted:
        Batch.objects.filter(pk=batch.pk, cancel_requested_at=None).update(
            cancel_requested_at=timezone.now()
        )
        batch.refresh_from_db(fields=["cancel_requested_at"])
    _note_begin(batch)
    slice_ = Slice(batch)
    async_to_sync(slice_.run)()
    return None if _settle(batch) else slice_.seconds_to_wait


def _note_begin(batch: Batch) -> None:
    starting = Batch.objects.filter(pk=batch.pk, status=BatchStatus.STARTING)
    starting.update(status=BatchStatus.PROCESSING, started_at=timezone.now())


@transaction.atomic
def _settle(batch: Batch) -> bool:
    """Whether it has ended, or is gone with its account."""
    locked = Batch.objects.select_for_update().filter(pk=batch.pk).first()
    if locked is None:
        return True
    end_waiting(locked)
    return finish_if_done(locked) or locked.is_finished
