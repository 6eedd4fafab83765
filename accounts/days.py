"""The rows of a day: tokens used and tokens reserved, of accounts and of API tokens."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.models import ApiTokenDay, Reservation, UsageDay

# Django's stubs have no type for "the rows of one of these two models".
Rows = QuerySet[Any]


def today() -> datetime.date:
    return timezone.now().astimezone(datetime.UTC).date()


def next_midnight() -> datetime.datetime:
    tomorrow = today() + datetime.timedelta(days=1)
    return datetime.datetime.combine(tomorrow, datetime.time(), datetime.UTC)


def account_day(reservation: Reservation) -> Rows:
    return UsageDay.objects.filter(user=reservation.user_id, day=reservation.day)


def api_token_day(reservation: Reservation) -> Rows:
    return ApiTokenDay.objects.filter(
        api_token=reservation.api_token_id, day=reservation.day
    )


def hold(row: Rows, make: Callable[[], object], *, tokens: int, allowed: int) -> bool:
    """Reserve `tokens` in the row, or in the one that `make` makes, within `allowed`."""
    if _try_hold(row, tokens, allowed):
        return True
    make()
    return _try_hold(row, tokens, allowed)


def held(row: Rows) -> int:
    """What the row's limit is charged with already."""
    day = row.first()
    return day.tokens_used + day.tokens_reserved if day else 0


def settle(reservation: Reservation, *, used: int) -> None:
    """Turn the reservation's tokens into use."""
    change = {
        "tokens_used": F("tokens_used") + used,
        "tokens_reserved": F("tokens_reserved") - reservation.tokens,
    }
    account_day(reservation).update(predictions=F("predictions") + 1, **change)
    if reservation.is_on_api_token_day:
        api_token_day(reservation).update(**change)


def release(reservations: Iterable[Reservation]) -> None:
    """Give the reservations' tokens back, each row at once and in one order."""
    account: Counter[tuple[int, datetime.date]] = Counter()
    own: Counter[tuple[int | None, datetime.date]] = Counter()
    for one in reservations:
        account[one.user_id, one.day] += one.tokens
        if one.is_on_api_token_day:
            own[one.api_token_id, one.day] += one.tokens
    for (user_id, day), tokens in sorted(account.items()):
        _give_back(UsageDay.objects.filter(user=user_id, day=day), tokens)
    for (api_token_id, day), tokens in own.items():
        _give_back(ApiTokenDay.objects.filter(api_token=api_token_id, day=day), tokens)


def _try_hold(row: Rows, tokens: int, allowed: int) -> bool:
    within = row.filter(tokens_used__lte=allowed - tokens - F("tokens_reserved"))
    return bool(within.update(tokens_reserved=F("tokens_reserved") + tokens))


def _give_back(row: Rows, tokens: int) -> None:
    row.update(tokens_reserved=F("tokens_reserved") - tokens)
