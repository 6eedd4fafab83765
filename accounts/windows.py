"""What an account, or one of its API tokens, has running and reserved this minute."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Aggregate, Min, Q, QuerySet, Sum, Value
from django.db.models import Count as CountRows

from accounts.limits import Limit
from accounts.models import ApiToken, Reservation, User
from accounts.prepared import INTEGER, MOMENT, Given, PreparedRows
from accounts.standing import Count

MINUTE = datetime.timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """`tokens` of the last minute, the `oldest` of them, and the `running` requests."""

    tokens: int
    running: int
    oldest: datetime.datetime | None

    def count(self, limit: Limit, now: datetime.datetime, more: int = 0) -> Count:
        """The tokens of the minute with `more` added to them."""
        return Count(
            limit=limit,
            used=self.tokens + more,
            resets_at=(self.oldest or now) + MINUTE,
        )


def read_windows(
    user: User, api_token: ApiToken | None, now: datetime.datetime
) -> tuple[Window, Window]:
    """The account's window and the API token's, which is empty without own limits."""
    if api_token and api_token.own_limits:
        found = _both.fetch(user=user.pk, api_token=api_token.pk, **_moments(now))
    else:
        found = _account.fetch(user=user.pk, **_moments(now))
    return _window("account", found[0]), _window("own", found[0])


def frees_at(
    user: User, api_token: ApiToken | None, tokens: int, now: datetime.datetime
) -> datetime.datetime:
    """When so many of the minute's tokens have left it."""
    rows = Reservation.objects.filter(user=user, created_at__gt=now - MINUTE)
    if api_token:
        rows = rows.filter(api_token=api_token)
    for created_at, held in rows.order_by("created_at").values_list(
        "created_at", "tokens"
    ):
        tokens -= held
        if tokens <= 0:
            return created_at + MINUTE
    return now + MINUTE


def _moments(now: datetime.datetime) -> dict[str, datetime.datetime]:
    return {"now": now, "minute_ago": now - MINUTE}


def _measures(prefix: str, whose: Q) -> dict[str, Aggregate]:
    recent = whose & Q(created_at__gt=Given("minute_ago", MOMENT))
    live = whose & Q(settled_at=None, expires_at__gt=Given("now", MOMENT))
    return {
        f"{prefix}_sum": Sum("tokens", filter=recent, default=0),
        f"{prefix}_oldest": Min("created_at", filter=recent),
        f"{prefix}_running": CountRows("pk", filter=live),
    }


def _measured(**measures: Aggregate) -> QuerySet[Reservation, dict[str, object]]:
    """One row: grouped by a constant, all of the account's are one group."""
    rows = Reservation.objects.filter(user=Given("user", INTEGER))
    return rows.values(all=Value(1)).annotate(**measures)


def _window(prefix: str, values: Mapping[str, object]) -> Window:
    return Window(
        tokens=values.get(f"{prefix}_sum", 0),  # type: ignore[arg-type]
        oldest=values.get(f"{prefix}_oldest"),  # type: ignore[arg-type]
        running=values.get(f"{prefix}_running", 0),  # type: ignore[arg-type]
    )


_account = PreparedRows(lambda: _measured(**_measures("account", Q())))
_both = PreparedRows(
    lambda: _measured(
        **_measures("account", Q()),
        **_measures("own", Q(api_token=Given("api_token", INTEGER))),
    )
)
