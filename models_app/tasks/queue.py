"""The queue of tasks in the database, as workers use it.

Tasks are declared with `django_tasks.task` and enqueued with its `enqueue`, within the
transaction that needs them done. A task may run again if its worker died, so it looks
first at what is done already. It may raise `Postponed` to be run again later.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Collection, Mapping, Sequence

from django.db import transaction
from django.db.models import Q, UUIDField
from django.utils import timezone
from django_tasks.base import TaskContext, TaskResultStatus
from django_tasks_db.models import DBTaskResult, get_date_max

from accounts.prepared import Given, PreparedDelete, PreparedRows
from models_app.tasks.due import Choose, TaskRow, TaskRows, due_tasks
from models_app.tasks.mailboxes import is_alive, wake_workers

# Whatever has no queue of its own.
DEFAULT = "default"
PREDICTIONS = "predictions"
BATCHES = "batches"
# Receivers may be slow; nothing else waits for them.
WEBHOOKS = "webhooks"


_by_key = PreparedRows(
    lambda: DBTaskResult.objects.filter(pk=Given("pk", UUIDField())).values_list("pk")
)
_remove = PreparedDelete(lambda: unfinished().filter(pk=Given("pk", UUIDField())))


class Postponed(Exception):
    """Raised by a task that cannot be done now: it waits in the queue until then."""

    def __init__(self, until: datetime.datetime) -> None:
        super().__init__(until)
        self.until = until


def wake_on_commit() -> None:
    """To be called after `enqueue`, so that no worker has to notice by itself."""
    transaction.on_commit(wake_workers, robust=True)


def claim(
    worker_id: str, queues: Sequence[str], shared: Mapping[str, Choose] | None = None
) -> TaskRow | None:
    """The next task that is due in one of the queues; it is this worker's from now on.

    Of a queue that is `shared`, only those may be taken that its `Choose` names.
    """
    # Looked at first: most looks find nothing and need not ask to write.
    for lock in due_tasks(queues, shared or {}, now=timezone.now()):
        with transaction.atomic():
            if task := lock():
                task.claim(worker_id)
                return task
    return None


def carry_out(claimed: TaskRow) -> None:
    """Run a claimed task. A done one leaves the queue, a failed one stays to be read."""
    try:
        _call(claimed)
    except Postponed as postponed:
        _owned(claimed).update(
            status=TaskResultStatus.READY, run_after=postponed.until, worker_ids=[]
        )
    except Exception as error:
        claimed.set_failed(error)
        raise
    else:
        if _by_key.fetch(pk=claimed.pk):
            _owned(claimed).delete()


def remove(task_id: uuid.UUID) -> None:
    """To be called in the transaction that leaves the task nothing to do: it needs no
    other one then. What failed stays to be read."""
    _remove.carry_out(pk=task_id)


def hasten(task_ids: Collection[uuid.UUID]) -> None:
    """Postponed tasks are due now."""
    waiting = DBTaskResult.objects.filter(
        pk__in=task_ids, status=TaskResultStatus.READY, run_after__lt=get_date_max()
    )
    if waiting.update(run_after=get_date_max()):
        wake_on_commit()


def position(task_id: uuid.UUID) -> int | None:
    """Which of those that are due in its queue it is; None if it is not due."""
    ready = DBTaskResult.objects.ready()
    task = ready.filter(pk=task_id).first()
    if task is None:
        return None
    same = Q(priority=task.priority)
    later = Q(run_after=task.run_after, enqueued_at__lt=task.enqueued_at)
    ahead = ready.filter(queue_name=task.queue_name).filter(
        Q(priority__gt=task.priority) | same & (Q(run_after__lt=task.run_after) | later)
    )
    return ahead.count() + 1


def release_abandoned(worker_id: str, active: Collection[uuid.UUID]) -> int:
    """Put back what dead workers held, and what this one holds and does not run."""
    released = 0
    for task in DBTaskResult.objects.running().only("worker_ids", "started_at"):
        holder = task.worker_ids[-1]
        is_running = task.pk in active if holder == worker_id else is_alive(holder)
        if not is_running:
            released += _owned(task).update(status=TaskResultStatus.READY)
    return released


def unfinished() -> TaskRows:
    """Those that wait, or are carried out at the moment."""
    statuses = [TaskResultStatus.READY, TaskResultStatus.RUNNING]
    return DBTaskResult.objects.filter(status__in=statuses)


def forget_failed(*, before: datetime.datetime) -> int:
    return DBTaskResult.objects.finished().filter(finished_at__lt=before).delete()[0]


def soon(seconds: float) -> datetime.datetime:
    return timezone.now() + datetime.timedelta(seconds=seconds)


def _call(claimed: TaskRow) -> None:
    task, result = claimed.task, claimed.task_result
    context = [TaskContext(task_result=result)] if task.takes_context else []
    task.call(*context, *result.args, **result.kwargs)


def _owned(task: TaskRow) -> TaskRows:
    """The row, as long as nobody has claimed it since."""
    return DBTaskResult.objects.filter(
        pk=task.pk, status=TaskResultStatus.RUNNING, started_at=task.started_at
    )
