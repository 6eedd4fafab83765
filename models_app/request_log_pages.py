"""The request log in order: predictions, and the refused calls between them."""

from __future__ import annotations

import datetime
import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, TypeAlias

from django.db.models import Q, QuerySet
from django.http import Http404

from accounts.models import ApiToken, Project, User
from models_app.models import LanguageModel, PredictionRecord, Refusal
from models_app.request_log_filters import REFUSED, RequestLogFilters

Entry: TypeAlias = "PredictionRecord | Refusal"
Names: TypeAlias = Mapping[str, Mapping[Any, str]]

ROWS_PER_PART = 2000

# The columns of a file, and where each kind of entry has them.
_OF_PREDICTION = {
    "id": "public_id",
    "created_at": "created_at",
    "status": "status",
    "error_code": "error_code",
    "finish_reason": "finish_reason",
    "model": "language_model",
    "project": "project",
    "api_token": "api_token",
    "source": "source",
    "prompts": "prompts",
    "prompt_tokens": "prompt_tokens",
    "completion_tokens": "completion_tokens",
    "charged_tokens": "charged_tokens",
    "queue_ms": "queue_ms",
    "ttft_ms": "ttft_ms",
    "duration_ms": "duration_ms",
}
_OF_REFUSAL = {
    "id": "public_id",
    "created_at": "minute",
    "error_code": "error_code",
    "model": "language_model",
    "project": "project",
    "api_token": "api_token",
    "source": "source",
    "limit": "limit",
    "calls": "calls",
}
FILE_COLUMNS = (*_OF_PREDICTION, "limit", "calls")


def page_of(filters: RequestLogFilters, *, before: str, length: int) -> list[Entry]:
    """The newest entries, or those that follow the one with the id `before`.

    New entries do not shift them, as they would the pages of a count. Raises `Http404`
    for an id that the account does not have.
    """
    if before:
        predictions, refusals = _after(before, filters)
    else:
        predictions, refusals = filters.predictions(), filters.refusals()
    entries: list[Entry] = [*predictions[:length], *refusals[:length]]
    # Of one moment, predictions come first: the sort leaves equals as they are.
    entries.sort(key=_moment_of, reverse=True)
    return entries[:length]


def rows_of(filters: RequestLogFilters) -> Iterator[dict[str, Any]]:
    """All of them in the same order, for a file."""
    names = _names(filters.user)
    predictions = _rows(filters.predictions, "created_at", _OF_PREDICTION, names)
    refusals = _rows(filters.refusals, "minute", _OF_REFUSAL, names)
    refused = ({**row, "status": REFUSED} for row in refusals)
    return heapq.merge(predictions, refused, key=itemgetter("created_at"), reverse=True)


def _after(
    public_id: str, filters: RequestLogFilters
) -> tuple[QuerySet[PredictionRecord], QuerySet[Refusal]]:
    wanted = {"user": filters.user, "public_id": public_id}
    if prediction := PredictionRecord.objects.filter(**wanted).first():
        at = prediction.created_at
        earlier = Q(created_at__lt=at) | Q(pk__lt=prediction.pk)
        return filters.predictions(at).filter(earlier), filters.refusals(at)
    if refusal := Refusal.objects.filter(**wanted).first():
        at = refusal.minute
        earlier = Q(minute__lt=at) | Q(pk__lt=refusal.pk)
        return (
            filters.predictions(at).filter(created_at__lt=at),
            filters.refusals(at).filter(earlier),
        )
    raise Http404


def _moment_of(entry: Entry) -> datetime.datetime:
    return entry.minute if isinstance(entry, Refusal) else entry.created_at


def _rows(
    find: Callable[[datetime.datetime | None], QuerySet[Any]],
    moment: str,
    columns: Mapping[str, str],
    names: Names,
) -> Iterator[dict[str, Any]]:
    """With nothing in the columns that these have not."""
    empty = dict.fromkeys(FILE_COLUMNS)
    for values in _in_parts(find, moment, list(columns.values())):
        row = {**empty, **dict(zip(columns, values, strict=True))}
        for column, name_of in names.items():
            row[column] = name_of.get(row[column], "")
        yield row


def _in_parts(
    find: Callable[[datetime.datetime | None], QuerySet[Any]],
    moment: str,
    columns: Sequence[str],
) -> Iterator[list[Any]]:
    """Each part begins where the last one ended: asked for all of them at once,
    PostgreSQL would sort them before it gave the first."""
    found = find(None)
    while part := list(found.values_list(moment, "pk", *columns)[:ROWS_PER_PART]):
        yield from (values for _, _, *values in part)
        at, pk, *_ = part[-1]
        earlier = Q(**{f"{moment}__lt": at}) | Q(pk__lt=pk)
        found = find(at).filter(earlier)


def _names(user: User) -> dict[str, dict[Any, str]]:
    """By the keys that the rows have: joins would cost more than all the rest."""
    projects = Project.objects.filter(user=user)
    api_tokens = ApiToken.objects.filter(project__user=user)
    return {
        "model": dict(LanguageModel.objects.values_list("pk", "slug")),
        "project": dict(projects.values_list("pk", "name")),
        "api_token": dict(api_tokens.values_list("pk", "name"))
        | dict(api_tokens.values_list("public_id", "name")),
    }
