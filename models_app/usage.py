"""What an account used, added up from the rows of its hours."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from django.db.models import QuerySet, Sum
from django.db.models.functions import TruncDate

from accounts.models import Project
from models_app.models import LanguageModel, UsageHour
from models_app.usage_filters import UsageFilters


@dataclass(slots=True)
class Sums:
    requests: int = 0
    failed: int = 0
    refused: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    charged_tokens: int = 0

    def add(self, other: Sums) -> None:
        for name in SUMMED:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def as_json(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in SUMMED}


MONTH = 30

SUMMED = tuple(one.name for one in fields(Sums))


@dataclass(frozen=True, slots=True)
class Line:
    """The sums of one group; `keys` says which, by dimension."""

    keys: Mapping[str, Any]
    sums: Sums = field(default_factory=Sums)


# What usage can be grouped by, and the column of the hours that tells it.
DIMENSIONS = {
    "day": "hour",
    "model": "language_model_id",
    "project": "project_id",
    "api_token": "api_token",
    "source": "source",
}


def read_usage(filters: UsageFilters, group_by: Sequence[str]) -> list[Line]:
    """One line for each group that has usage, in the order of its keys."""
    if "day" not in group_by or len(group_by) <= 2:
        hours = UsageHour.objects.filter(filters.condition())
        return _read(hours, group_by, _readers(group_by, filters))
    lines = read_days(filters, group_by)
    return sorted(lines, key=lambda line: [line.keys[name] for name in group_by])


def read_days(filters: UsageFilters, group_by: Sequence[str]) -> Iterator[Line]:
    """The same from the first day to the last, read a month at a time.

    With many groups, the database finds the day of every hour faster than it hands the
    hours over to have it found.
    """
    names = ["day", *(name for name in group_by if name != "day")]
    readers = [_same, *_readers(names[1:], filters)]
    day = TruncDate("hour", tzinfo=filters.zone)
    for number in range(0, len(filters.all_days), MONTH):
        days = filters.all_days[number : number + MONTH]
        hours = UsageHour.objects.filter(filters.condition_of_days(days[0], days[-1]))
        yield from _read(hours, names, readers, day=day)


def _read(
    hours: QuerySet[UsageHour],
    group_by: Sequence[str],
    readers: Sequence[Callable[[Any], Any]],
    **expressions: Any,
) -> list[Line]:
    """The lines of these hours; `expressions` stand in for columns of `DIMENSIONS`."""
    columns = [name if name in expressions else DIMENSIONS[name] for name in group_by]
    totals = {f"total_{name}": Sum(name) for name in SUMMED}
    found = hours.order_by().annotate(**expressions)
    # The column of one group for all, so that there is something to group by.
    rows = found.values_list("user", *columns).annotate(**totals)
    lines: dict[tuple[Any, ...], Line] = {}
    for _, *row in rows:
        key = tuple(read(value) for read, value in zip(readers, row, strict=False))
        line = lines.setdefault(key, Line(dict(zip(group_by, key, strict=True))))
        line.sums.add(Sums(*row[len(columns) :]))
    return [lines[key] for key in sorted(lines)]


def fold(lines: Iterable[Line], name: str) -> list[Line]:
    """The lines by one of their dimensions alone, the most used first."""
    folded: dict[Any, Line] = {}
    for line in lines:
        key = line.keys[name]
        folded.setdefault(key, Line({name: key})).sums.add(line.sums)
    return sorted(folded.values(), key=_by_use, reverse=True)


def total_of(lines: Iterable[Line]) -> Sums:
    total = Sums()
    for line in lines:
        total.add(line.sums)
    return total


def _by_use(line: Line) -> tuple[int, int]:
    return line.sums.charged_tokens, line.sums.requests


def _readers(
    group_by: Sequence[str], filters: UsageFilters
) -> list[Callable[[Any], Any]]:
    """What makes the key of a line of each column."""
    return [_reader(name, filters) for name in group_by]


def _reader(name: str, filters: UsageFilters) -> Callable[[Any], Any]:
    if name == "day":
        return _DayOf(filters.zone)
    if name == "model":
        return dict(LanguageModel.objects.values_list("pk", "slug")).__getitem__
    if name == "project":
        projects = Project.objects.filter(user=filters.user)
        return dict(projects.values_list("pk", "public_id")).__getitem__
    return _same


def _same(value: Any) -> Any:
    return value


class _DayOf(dict[datetime.datetime, datetime.date]):
    """An hour's day where the owner is, worked out once for each hour."""

    def __init__(self, zone: datetime.tzinfo) -> None:
        super().__init__()
        self.zone = zone

    def __missing__(self, hour: datetime.datetime) -> datetime.date:
        self[hour] = day = hour.astimezone(self.zone).date()
        return day

    def __call__(self, hour: datetime.datetime) -> datetime.date:
        return self[hour]
