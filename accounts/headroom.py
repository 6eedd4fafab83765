"""What is left under each limit, read without using any of it."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils import timezone

from accounts import days, rate_limits
from accounts.limits import SetBy, limit_of_account, limit_of_api_token, limits_on
from accounts.models import ApiToken, ApiTokenDay, User
from accounts.quota import status
from accounts.reserving import A_DAY, A_MINUTE, AT_ONCE
from accounts.standing import Count
from accounts.windows import read_windows


def complete_standing(api_token: ApiToken) -> None:
    """Read what the call that it signed had no reason to look at."""
    user, now = api_token.user, timezone.now()
    if rate_limits.NAME not in api_token.standing.counts:
        rate_limits.read(user, api_token)
    if A_MINUTE not in api_token.standing.counts:
        limits = limits_on(user, api_token, A_MINUTE)
        windows = read_windows(user, api_token, now)
        pairs = zip(limits, windows, strict=False)
        api_token.standing.note(window.count(limit, now) for limit, window in pairs)


def counts_of_account(user: User) -> list[Count]:
    """Every limit of the account that fills up, with what is used of it."""
    now = timezone.now()
    window, _ = read_windows(user, None, now)
    today = status(user)
    return [
        *rate_limits.read(user),
        window.count(limit_of_account(user, A_MINUTE), now),
        Count(
            limit=limit_of_account(user, A_DAY),
            used=today.tokens_used + today.tokens_reserved,
            resets_at=today.resets_at,
        ),
        Count(
            limit=limit_of_account(user, AT_ONCE), used=window.running, resets_at=None
        ),
    ]


def counts_of_api_token(api_token: ApiToken) -> list[Count]:
    """The same for the limits that the API token has of its own."""
    return list(_own_counts(api_token)) if api_token.own_limits else []


def _own_counts(api_token: ApiToken) -> Iterator[Count]:
    now = timezone.now()
    _, window = read_windows(api_token.user, api_token, now)
    for count in rate_limits.read(api_token.user, api_token):
        if count.limit.set_by == SetBy.API_TOKEN:
            yield count
    if limit := limit_of_api_token(api_token, A_MINUTE):
        yield window.count(limit, now)
    if limit := limit_of_api_token(api_token, A_DAY):
        held = days.held(
            ApiTokenDay.objects.filter(api_token=api_token, day=days.today())
        )
        yield Count(limit=limit, used=held, resets_at=days.next_midnight())
    if limit := limit_of_api_token(api_token, AT_ONCE):
        yield Count(limit=limit, used=window.running, resets_at=None)
