"""A refusal as the request log shows it: which limit, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import QueryDict

from accounts.limits import SetBy
from models_app.models import Refusal
from models_app.request_log_filters import LIMITS, RequestLogFilters


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """What to do, and the name of the page where; empty where there is none."""

    text: str
    page: str = ""


REMEDIES = {
    SetBy.TIER: Remedy(text="Compare tiers", page="tiers"),
    SetBy.STAFF: Remedy(text="Ask the staff of this server for more"),
    SetBy.API_TOKEN: Remedy(text="See your API tokens", page="dashboard"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalLine:
    refusal: Refusal
    limit: str
    api_token: str
    # The address of the log with this limit alone.
    query: str

    @property
    def remedy(self) -> Remedy:
        return REMEDIES[SetBy(self.refusal.set_by)]


def line_of(
    refusal: Refusal, filters: RequestLogFilters, query: QueryDict
) -> RefusalLine:
    query = query.copy()
    query["limit"] = refusal.limit
    names = filters.names["api_token"]
    return RefusalLine(
        refusal=refusal,
        limit=LIMITS.get(refusal.limit, refusal.limit),
        api_token=names.get(refusal.api_token, "Deleted") if refusal.api_token else "",
        query=query.urlencode(),
    )
