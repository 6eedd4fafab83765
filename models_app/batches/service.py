"""Batches: create, find, cancel, count, delete."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterable
from typing import IO, Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from accounts import rate_limits
from accounts.errors import TierRequired
from accounts.models import Project, User
from accounts.tier_overrides import limits_of
from accounts.tiers import Tier
from models_app.batches.finishing import end_waiting, finish_if_done
from models_app.batches.models import (
    Batch,
    BatchLine,
    BatchQuerySet,
    BatchStatus,
    LineStatus,
)
from models_app.batches.reading import Line, read_lines
from models_app.batches.running import run_batch
from models_app.calls import Caller
from models_app.errors import BatchNotFound, QueueFull
from models_app.tasks import queue

RETRY_SECONDS = 60
# So few that a deletion keeps no other writer waiting.
LINES_PER_DELETION = 1000
LINES_PER_INSERT = 1000


def create(
    *, caller: Caller, file: IO[bytes], name: str = "", webhook: Any = None
) -> Batch:
    """Take all of a file of calls in, or raise the `ApplicationError` that says why not.

    It counts as one request of the minute. Nothing is reserved before a line begins.
    `webhook` is kept as it is for `AFTER_END`.
    """
    require_tier(caller.user)
    rate_limits.check_request(caller.user, caller.api_token)
    lines = read_lines(file, caller)
    batch = Batch(
        user=caller.user,
        project=caller.project,
        api_token=caller.api_token,
        name="".join(filter(str.isprintable, name))[:100],
        total=len(lines),
        webhook=webhook,
        ends_at=timezone.now() + datetime.timedelta(hours=settings.BATCH_HOURS),
    )
    _store(batch, lines)
    return batch


def require_tier(user: User) -> None:
    """Raise `TierRequired`, naming the lowest tier that has batches, for others."""
    if user.limits.lines_per_batch:
        return
    with_batches = (tier for tier in Tier if limits_of(tier).lines_per_batch)
    needed = next(with_batches, Tier.PREMIUM)
    raise TierRequired(
        f"Batches need the {needed.label} tier; yours is {user.get_tier_display()}."
    )


def find(project: Project, public_id: str) -> Batch:
    """One of the project's; raises `BatchNotFound`."""
    found = of_project(project).filter(public_id=public_id).first()
    if found is None:
        raise BatchNotFound
    return found


def of_project(project: Project) -> BatchQuerySet:
    """All of the project's, the newest first."""
    return Batch.objects.filter(project=project).select_related("project")


def counts(batches: Iterable[Batch]) -> dict[int, dict[str, int]]:
    """How many lines of each batch, by its key, have each status."""
    keys = [batch.pk for batch in batches]
    found: dict[int, dict[str, int]] = {
        key: dict.fromkeys(LineStatus.values, 0) for key in keys
    }
    lines = BatchLine.objects.filter(batch__in=keys).order_by()
    rows = lines.values_list("batch", "status").annotate(count=Count("pk"))
    for key, status, count in rows:
        found[key][status] = count
    return found


def cancel(batch: Batch) -> Batch:
    """End what waits now and what runs within a moment; as it is afterwards."""
    cancel_all(Q(pk=batch.pk))
    batch.refresh_from_db()
    return batch


def cancel_all(those: Q) -> None:
    """Cancel those batches that have not ended."""
    for key in Batch.objects.unfinished().filter(those).values_list("pk", flat=True):
        _cancel(key)


@transaction.atomic
def _cancel(key: int) -> None:
    locked = Batch.objects.select_for_update().get(pk=key)
    if locked.is_finished or locked.cancel_requested_at:
        return
    locked.cancel_requested_at = timezone.now()
    locked.status, locked.waits_for = BatchStatus.CANCELING, ""
    locked.save(update_fields=["cancel_requested_at", "status", "waits_for"])
    end_waiting(locked)
    if not finish_if_done(locked) and locked.task_id:
        queue.hasten([locked.task_id])


@transaction.atomic
def _store(batch: Batch, lines: list[Line]) -> None:
    _require_room(batch.user)
    batch.task_id = _enqueue(batch)
    batch.save(force_insert=True)
    rows = (
        BatchLine(
            batch=batch,
            number=line.number,
            custom_id=line.custom_id,
            language_model=line.language_model,
            call=line.call,
        )
        for line in lines
    )
    while some := list(itertools.islice(rows, LINES_PER_INSERT)):
        BatchLine.objects.bulk_create(some)
    queue.wake_on_commit()


def _require_room(user: User) -> None:
    """Callers at the same moment wait for each other here, so none slips past."""
    User.objects.select_for_update().only("pk").get(pk=user.pk)
    most = settings.BATCHES_PER_ACCOUNT
    unfinished = Batch.objects.unfinished().filter(user=user)
    if unfinished.count() >= most:
        raise QueueFull(
            f"{most:,} batch{'' if most == 1 else 'es'} of your account wait or run "
            "already.",
            retry_after=RETRY_SECONDS,
        )


def delete_expired() -> None:
    """Delete batches whose time is over, calls and results too."""
    kept = datetime.timedelta(days=settings.KEEP_BATCHES_DAYS)
    for batch in Batch.objects.filter(finished_at__lte=timezone.now() - kept):
        delete(batch)


def delete(batch: Batch) -> None:
    lines = batch.lines.order_by("pk").values_list("pk", flat=True)
    while keys := list(lines[:LINES_PER_DELETION]):
        BatchLine.objects.filter(pk__in=keys).delete()
    batch.delete()


def resume_forgotten() -> None:
    """Put back those whose task failed for a reason that nobody foresaw."""
    known = queue.unfinished().values("pk")
    for batch in Batch.objects.unfinished().exclude(task_id__in=known):
        Batch.objects.filter(pk=batch.pk).update(task_id=_enqueue(batch))


def _enqueue(batch: Batch) -> str:
    """Behind those that are due: a task without a time would wait for all of them."""
    due = run_batch.using(run_after=timezone.now())
    return due.enqueue(batch.public_id).id
