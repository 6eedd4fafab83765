"""The page that tells an account its usage, and the same as a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import HttpResponse, HttpResponseBadRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.headroom import counts_of_account
from accounts.http import AuthenticatedHttpRequest
from models_app.usage import DIMENSIONS, Line, fold, read_usage, total_of
from models_app.usage_chart import Chart, chart_of
from models_app.usage_csv import usage_file
from models_app.usage_filters import USUAL_DAYS, UsageFilters

_BREAKDOWNS = {
    "model": "Model",
    "project": "Project",
    "api_token": "API token",
    "source": "Source",
}


@require_safe
def usage(request: AuthenticatedHttpRequest) -> HttpResponse:
    filters = _filters(request)
    context = {
        "form": filters,
        "counts": counts_of_account(request.user),
        "query": request.GET.urlencode(),
        **(_report(filters) if filters.is_valid() else {}),
    }
    return render(request, "models_app/usage.html", context)


@require_safe
def usage_csv(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    """One row for each day, model, project, API token and source."""
    filters = _filters(request)
    if not filters.is_valid():
        return HttpResponseBadRequest(
            filters.errors.as_text(), content_type="text/plain"
        )
    return usage_file(filters, list(DIMENSIONS))


def _filters(request: AuthenticatedHttpRequest) -> UsageFilters:
    asked = {"days": USUAL_DAYS, **request.GET.dict()}
    return UsageFilters(asked, user=request.user)


def _report(filters: UsageFilters) -> dict[str, Any]:
    days = read_usage(filters, ["day"])
    shares = read_usage(filters, list(_BREAKDOWNS))
    return {
        "start": filters.start,
        "end": filters.cleaned_data["end"],
        "zone": filters.zone,
        "total": total_of(days),
        "charts": list(_charts(filters, days)),
        "days": days[::-1],
        "breakdowns": [
            (title, _named(fold(shares, name), name, filters))
            for name, title in _BREAKDOWNS.items()
        ],
        "is_filtered": any(filters.cleaned_data[name] for name in _BREAKDOWNS),
    }


def _charts(filters: UsageFilters, lines: list[Line]) -> Iterator[Chart]:
    sums = {line.keys["day"]: line.sums for line in lines}
    days = filters.all_days
    for label, name in (("Tokens", "charged_tokens"), ("Requests", "requests")):
        values = [getattr(sums.get(day), name, 0) for day in days]
        yield chart_of(label, days, values)


def _named(
    lines: list[Line], dimension: str, filters: UsageFilters
) -> list[tuple[str, Line]]:
    return [(_name(line.keys[dimension], dimension, filters), line) for line in lines]


def _name(key: str, dimension: str, filters: UsageFilters) -> str:
    if not key:
        return "None (playground)"
    return str(filters.names[dimension].get(key, f"Deleted ({key})"))
