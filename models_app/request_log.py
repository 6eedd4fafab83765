"""The request log: what an account called, one prediction of it, and a file."""

from __future__ import annotations

from typing import Any

from django.http import (
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseBase,
    QueryDict,
)
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.csv_text import csv_of
from accounts.http import AuthenticatedHttpRequest
from accounts.streaming import csv_response
from models_app.models import PredictionRecord, Refusal
from models_app.refusal_lines import RefusalLine, line_of
from models_app.request_log_filters import RequestLogFilters
from models_app.request_log_pages import FILE_COLUMNS, Entry, page_of, rows_of
from models_app.texts import kept_texts
from models_app.usage_filters import USUAL_DAYS

PER_PAGE = 50


@require_safe
def request_log(request: AuthenticatedHttpRequest) -> HttpResponse:
    filters = _filters(request)
    before = request.GET.get("before", "")
    shown: list[Entry] = []
    if filters.is_valid():
        # One more than a page, where there is another.
        shown = page_of(filters, before=before, length=PER_PAGE + 1)
    entries, more = shown[:PER_PAGE], shown[PER_PAGE:]
    query = request.GET.copy()
    query.pop("before", None)
    context = {
        "form": filters,
        "filters_in_use": _in_use(query),
        "entries": [_shown(entry, filters, query) for entry in entries],
        "query": query.urlencode(),
        "is_later_page": bool(before),
        "cursor": entries[-1].public_id if more else "",
    }
    return render(request, "models_app/request_log.html", context)


@require_safe
def request_log_csv(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    filters = _filters(request)
    if not filters.is_valid():
        return HttpResponseBadRequest(
            filters.errors.as_text(), content_type="text/plain"
        )
    name = f"requests-{filters.start}-{filters.cleaned_data['end']}.csv"
    return csv_response(csv_of(FILE_COLUMNS, rows_of(filters)), name=name)


@require_safe
def request_detail(request: AuthenticatedHttpRequest, public_id: str) -> HttpResponse:
    record = get_object_or_404(
        PredictionRecord.objects.select_related(
            "language_model", "api_token", "project"
        ),
        user=request.user,
        public_id=public_id,
    )
    context = {"record": record, "texts": kept_texts(record)}
    return render(request, "models_app/request_detail.html", context)


def _filters(request: AuthenticatedHttpRequest) -> RequestLogFilters:
    asked: dict[str, Any] = {"days": USUAL_DAYS, **request.GET.dict()}
    return RequestLogFilters(asked, user=request.user)


def _in_use(query: QueryDict) -> int:
    """How many filters leave something out; an untouched form sends them all, too."""
    usual = {"days": str(USUAL_DAYS)}
    return sum(value not in ("", usual.get(name)) for name, value in query.items())


def _shown(
    entry: Entry, filters: RequestLogFilters, query: QueryDict
) -> PredictionRecord | RefusalLine:
    return line_of(entry, filters, query) if isinstance(entry, Refusal) else entry
