"""The request log: every prediction of an account, one of them, and a file of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from django.http import (
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.csv_text import csv_of
from accounts.http import AuthenticatedHttpRequest
from accounts.streaming import in_thread
from models_app.models import PredictionRecord
from models_app.request_log_filters import RequestLogFilters, older_than
from models_app.usage_filters import USUAL_DAYS

PER_PAGE = 50
LINES_PER_CHUNK = 500
_COLUMNS = {
    "id": "public_id",
    "created_at": "created_at",
    "status": "status",
    "error_code": "error_code",
    "finish_reason": "finish_reason",
    "model": "language_model__slug",
    "project": "project__name",
    "api_token": "api_token__name",
    "source": "source",
    "prompts": "prompts",
    "prompt_tokens": "prompt_tokens",
    "completion_tokens": "completion_tokens",
    "charged_tokens": "charged_tokens",
    "queue_ms": "queue_ms",
    "ttft_ms": "ttft_ms",
    "duration_ms": "duration_ms",
}


@require_safe
def request_log(request: AuthenticatedHttpRequest) -> HttpResponse:
    filters = _filters(request)
    shown = _shown(request, filters) if filters.is_valid() else []
    records, more = shown[:PER_PAGE], shown[PER_PAGE:]
    query = request.GET.copy()
    query.pop("before", None)
    context = {
        "form": filters,
        "records": records,
        "query": query.urlencode(),
        "is_later_page": "before" in request.GET,
        "cursor": records[-1].public_id if more else "",
    }
    return render(request, "models_app/request_log.html", context)


@require_safe
def request_log_csv(request: AuthenticatedHttpRequest) -> HttpResponseBase:
    filters = _filters(request)
    if not filters.is_valid():
        return HttpResponseBadRequest(
            filters.errors.as_text(), content_type="text/plain"
        )
    rows = filters.records().values(*_COLUMNS.values()).iterator()
    renamed = ({name: row[column] for name, column in _COLUMNS.items()} for row in rows)
    name = f"requests-{filters.start}-{filters.cleaned_data['end']}.csv"
    return StreamingHttpResponse(
        in_thread(_chunks(csv_of(list(_COLUMNS), renamed))),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@require_safe
def request_detail(request: AuthenticatedHttpRequest, public_id: str) -> HttpResponse:
    record = get_object_or_404(
        PredictionRecord.objects.select_related(
            "language_model", "api_token", "project"
        ),
        user=request.user,
        public_id=public_id,
    )
    return render(request, "models_app/request_detail.html", {"record": record})


def _filters(request: AuthenticatedHttpRequest) -> RequestLogFilters:
    asked: dict[str, Any] = {"days": USUAL_DAYS, **request.GET.dict()}
    return RequestLogFilters(asked, user=request.user)


def _shown(
    request: AuthenticatedHttpRequest, filters: RequestLogFilters
) -> list[PredictionRecord]:
    """A page, and one more where there is another."""
    records = filters.records()
    if before := request.GET.get("before"):
        cursor = get_object_or_404(
            PredictionRecord, user=request.user, public_id=before
        )
        records = older_than(records, cursor)
    return list(records[: PER_PAGE + 1])


def _chunks(lines: Iterable[str]) -> Iterator[bytes]:
    """Few enough that handing them over costs little."""
    remaining = iter(lines)
    while batch := list(itertools.islice(remaining, LINES_PER_CHUNK)):
        yield "".join(batch).encode()
