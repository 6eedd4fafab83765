"""Which tasks of a queue are due, the next one first, however many wait.

Each question is answered by the first entries of one index (`tasks_of_queue`): it names
a queue, then a priority, then either those that were postponed and whose time has come,
or those that never were.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from django.db.models import Q, UUIDField
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult, DBTaskResultQuerySet, get_date_max

from accounts.prepared import INTEGER, MOMENT, TEXT, Given, PreparedRows

TaskRow: TypeAlias = "DBTaskResult[..., Any]"
TaskRows: TypeAlias = "DBTaskResultQuerySet"
# Of the tasks that are due then, those that may begin, the next one first.
Choose = Callable[[datetime.datetime], Iterable[uuid.UUID]]
# The row, locked, unless another worker was faster.
Lock: TypeAlias = "Callable[[], TaskRow | None]"

# What was never postponed has this for the time from which it is due.
AT_ONCE = get_date_max()
_ABOVE_ALL = 1_000_000


def _waiting() -> TaskRows:
    ready = DBTaskResult.objects.filter(status=TaskResultStatus.READY)
    return ready.filter(queue_name=Given("queue", TEXT))


def _of_priority() -> TaskRows:
    same = _waiting().filter(priority=Given("priority", INTEGER))
    return same.order_by("run_after", "enqueued_at")


def _first_locked(rows: TaskRows) -> TaskRows:
    return rows.select_for_update(skip_locked=True)[:1]


def _is_due() -> Q:
    return Q(run_after=AT_ONCE) | Q(run_after__lte=Given("now", MOMENT))


_first_below = PreparedRows(
    lambda: (
        _waiting()
        .filter(priority__lt=Given("priority", INTEGER))
        .order_by("-priority", "run_after")
        .values_list("priority", "run_after")[:1]
    )
)
_any_at_once = PreparedRows(
    lambda: _of_priority().filter(run_after=AT_ONCE).values_list("pk")[:1]
)
_at_once = PreparedRows(lambda: _first_locked(_of_priority().filter(run_after=AT_ONCE)))
_postponed = PreparedRows(
    lambda: _first_locked(_of_priority().filter(run_after__lte=Given("now", MOMENT)))
)
_this = PreparedRows(
    lambda: _first_locked(
        DBTaskResult.objects.filter(_is_due(), pk=Given("pk", UUIDField())).filter(
            status=TaskResultStatus.READY
        )
    )
)


def due_tasks(
    queues: Iterable[str], shared: Mapping[str, Choose], *, now: datetime.datetime
) -> Iterator[Lock]:
    """Those of the queues before others that come before in `queues`."""
    for name in queues:
        locks = _due_in_queue(name, now)
        choose = shared.get(name)
        if choose is None:
            yield from locks
        elif any(True for _ in locks):
            yield from (_lock(_this, pk=pk, now=now) for pk in choose(now))


def _due_in_queue(queue: str, now: datetime.datetime) -> Iterator[Lock]:
    place: dict[str, object] = {"queue": queue, "priority": _ABOVE_ALL}
    while first := _first_below.fetch(**place):
        ((priority, run_after),) = first
        place = {"queue": queue, "priority": priority}
        if run_after <= now:
            yield _lock(_postponed, **place, now=now)
        if run_after == AT_ONCE or _any_at_once.fetch(**place):
            yield _lock(_at_once, **place)


def _lock(rows: PreparedRows[TaskRow], **values: object) -> Lock:
    return lambda: next(iter(rows.fetch(**values)), None)
