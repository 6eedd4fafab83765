"""The 429 answers: which limit, who set it, when it resets, what to do."""

from __future__ import annotations

import datetime

from accounts.errors import WAIT, LimitReport, QuotaExceeded, RateLimited
from accounts.limits import Limit


def requests_refusal(
    limit: Limit, *, used: int, resets_at: datetime.datetime | None
) -> RateLimited:
    return RateLimited(
        f"{limit.sentence}, and so many came in the last one.",
        hint=f"{WAIT}, or {limit.remedy}.",
        report=_report(limit, used=used, requested=1, resets_at=resets_at),
    )


def minute_refusal(
    limit: Limit, *, used: int, requested: int, resets_at: datetime.datetime
) -> RateLimited:
    return RateLimited(
        f"This call may need {requested:,} tokens. {limit.sentence}, and "
        f"{max(0, limit.allowed - used):,} of them are left in this one.",
        hint=f"{WAIT}, ask for fewer new tokens, or {limit.remedy}.",
        report=_report(limit, used=used, requested=requested, resets_at=resets_at),
    )


def slots_refusal(limit: Limit, *, used: int) -> RateLimited:
    return RateLimited(
        f"{limit.sentence}, and {used:,} {'is' if used == 1 else 'are'} running.",
        hint=f"Wait until one of them has ended, or {limit.remedy}.",
        report=_report(limit, used=used, requested=1, resets_at=None),
    )


def quota_refusal(
    limit: Limit, *, used: int, requested: int, resets_at: datetime.datetime
) -> QuotaExceeded:
    return QuotaExceeded(
        f"This call may need {requested:,} tokens. {limit.sentence}, and "
        f"{max(0, limit.allowed - used):,} of today's are left.",
        hint="Wait for midnight UTC, ask for fewer new tokens, or "
        + limit.remedy
        + ".",
        report=_report(limit, used=used, requested=requested, resets_at=resets_at),
    )


def _report(
    limit: Limit, *, used: int, requested: int, resets_at: datetime.datetime | None
) -> LimitReport:
    return LimitReport(
        name=limit.name,
        set_by=limit.set_by,
        allowed=limit.allowed,
        used=used,
        requested=requested,
        resets_at=resets_at,
    )
