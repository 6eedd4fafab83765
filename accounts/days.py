"""The rows of a day: tokens used and tokens reserved, of accounts and of API tokens."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.models import ApiTokenDay, Reservation, UsageDay
from accounts.prepared import DAY, INTEGER, Given, PreparedUpdate

# Django's stubs have no type for "the rows of one of these two models".
Rows = QuerySet[Any]

_USED, _RESERVED = F("tokens_used"), F("tokens_reserved")
_SETTLEMENT = {
    "tokens_used": _USED + Given("used", INTEGER),
    "tokens_reserved": _RESERVED - Given("held", INTEGER),
}


def _of_account() -> Rows:
    return UsageDay.objects.filter(user=Given("owner", INTEGER), day=Given("day", DAY))


def _of_api_token() -> Rows:
    return ApiTokenDay.objects.filter(
        api_token=Given("owner", INTEGER), day=Given("day", DAY)
    )


def _holding(rows: Callable[[], Rows]) -> PreparedUpdate:
    return PreparedUpdate(
        lambda: rows().filter(tokens_used__lte=Given("room", INTEGER) - _RESERVED),
        tokens_reserved=_RESERVED + Given("tokens", INTEGER),
    )


_hold_account = _holding(_of_account)
_hold_api_token = _holding(_of_api_token)
_settle_account = PreparedUpdate(
    _of_account, predictions=F("predictions") + 1, **_SETTLEMENT
)
_settle_api_token = PreparedUpdate(_of_api_token, **_SETTLEMENT)


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


def hold_account(reservation: Reservation, *, allowed: int) -> bool:
    """Reserve the tokens in the account's day, made where missing, within `allowed`."""
    key = {"owner": reservation.user_id, "day": reservation.day}
    held = {"tokens": reservation.tokens, "room": allowed - reservation.tokens}
    if _hold_account.carry_out(**key, **held):
        return True
    UsageDay.objects.get_or_create(user_id=reservation.user_id, day=reservation.day)
    return bool(_hold_account.carry_out(**key, **held))


def hold_api_token(reservation: Reservation, *, allowed: int) -> bool:
    """The same in the API token's own day."""
    key = {"owner": reservation.api_token_id, "day": reservation.day}
    held = {"tokens": reservation.tokens, "room": allowed - reservation.tokens}
    if _hold_api_token.carry_out(**key, **held):
        return True
    ApiTokenDay.objects.get_or_create(
        api_token_id=reservation.api_token_id, day=reservation.day
    )
    return bool(_hold_api_token.carry_out(**key, **held))


def held(row: Rows) -> int:
    """What the row's limit is charged with already."""
    day = row.first()
    return day.tokens_used + day.tokens_reserved if day else 0


def settle(reservation: Reservation, *, used: int) -> None:
    """Turn the reservation's tokens into use."""
    change = {"day": reservation.day, "used": used, "held": reservation.tokens}
    _settle_account.carry_out(owner=reservation.user_id, **change)
    if reservation.is_on_api_token_day:
        _settle_api_token.carry_out(owner=reservation.api_token_id, **change)


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


def _give_back(row: Rows, tokens: int) -> None:
    row.update(tokens_reserved=F("tokens_reserved") - tokens)
