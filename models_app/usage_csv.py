"""Usage as a file, the same from the page and from the API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import StreamingHttpResponse

from accounts.csv_text import csv_of
from accounts.streaming import csv_response
from models_app.usage import SUMMED, Line, read_days, read_usage
from models_app.usage_filters import UsageFilters

# What has a name beside its id gets a column for either.
_NAMED = ("project", "api_token")


def usage_file(filters: UsageFilters, group_by: Sequence[str]) -> StreamingHttpResponse:
    """One row for each group; where days come first, a day is sent as soon as read."""
    keys = [column for name in group_by for column in _columns(name)]
    read = read_days if group_by[0] == "day" and len(group_by) > 1 else read_usage
    rows = (_row(line, filters) for line in read(filters, group_by))
    return csv_response(
        csv_of([*keys, *SUMMED], rows),
        name=f"usage-{filters.start}-{filters.cleaned_data['end']}.csv",
    )


def _columns(name: str) -> list[str]:
    return [name, f"{name}_id"] if name in _NAMED else [name]


def _row(line: Line, filters: UsageFilters) -> dict[str, Any]:
    row = {**line.keys, **line.sums.as_json()}
    for name in _NAMED:
        if name in row:
            public_id = row[name]
            row[f"{name}_id"] = public_id
            row[name] = filters.names[name].get(public_id, "") if public_id else ""
    return row
