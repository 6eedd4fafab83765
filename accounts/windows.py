"""What an account, or one of its API tokens, has running and reserved this minute."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from django.db.models import Count as CountRows
from django.db.models import Min, Q, Sum

from accounts.limits import Limit
from accounts.models import ApiToken, Reservation, User
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
    rows = Reservation.objects.filter(user=user)
    measures = _measures("account", Q(), now)
    if api_token and api_token.own_limits:
        measures |= _measures("own", Q(api_token=api_token), now)
    values = rows.aggregate(**measures)
    return _window("account", values), _window("own", values)


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


def _measures(prefix: str, whose: Q, now: datetime.datetime) -> dict[str, object]:
    recent = whose & Q(created_at__gt=now - MINUTE)
    live = whose & Q(settled_at=None, expires_at__gt=now)
    return {
        f"{prefix}_sum": Sum("tokens", filter=recent, default=0),
        f"{prefix}_oldest": Min("created_at", filter=recent),
        f"{prefix}_running": CountRows("pk", filter=live),
    }


def _window(prefix: str, values: dict[str, object]) -> Window:
    return Window(
        tokens=values.get(f"{prefix}_sum", 0),  # type: ignore[arg-type]
        oldest=values.get(f"{prefix}_oldest"),  # type: ignore[arg-type]
        running=values.get(f"{prefix}_running", 0),  # type: ignore[arg-type]
    )
