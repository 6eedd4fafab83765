"""One attempt to reserve: hold the day's tokens, look at the windows, write it down."""

from __future__ import annotations

from functools import partial

from django.utils import timezone

from accounts import days
from accounts.errors import LimitReached
from accounts.leases import LEASE, release_expired
from accounts.limits import (
    Limit,
    SetBy,
    limit_of_account,
    limit_of_api_token,
    limits_on,
)
from accounts.models import ApiToken, Reservation, User
from accounts.prepared import insert
from accounts.refusals import minute_refusal, quota_refusal, slots_refusal
from accounts.standing import Count
from accounts.windows import Window, frees_at, read_windows

A_DAY, A_MINUTE, AT_ONCE = "tokens_per_day", "tokens_per_minute", "concurrent_requests"


class Attempt:
    """To reserve, inside the transaction. What is refused is undone, not rolled back."""

    def __init__(self, user: User, api_token: ApiToken | None, tokens: int) -> None:
        self._user, self._api_token, self._tokens = user, api_token, tokens
        self._now = timezone.now()
        self._reservation = Reservation(
            user=user,
            api_token=api_token,
            tokens=tokens,
            day=days.today(),
            created_at=self._now,
            expires_at=self._now + LEASE,
        )

    def run(self) -> Reservation | LimitReached:
        if refusal := self._hold_account_day():
            return refusal
        refusal = self._hold_api_token_day() or self._refusal_of_windows()
        if refusal:
            days.release([self._reservation])
            return refusal
        insert(self._reservation)
        return self._reservation

    def _hold_account_day(self) -> LimitReached | None:
        limit = limit_of_account(self._user, A_DAY)
        hold = partial(days.hold_account, self._reservation, allowed=limit.allowed)
        if hold() or (release_expired(self._user.pk) and hold()):
            return None
        return self._quota_refusal(
            limit, days.held(days.account_day(self._reservation))
        )

    def _hold_api_token_day(self) -> LimitReached | None:
        limit = limit_of_api_token(self._api_token, A_DAY)
        if limit is None:
            return None
        hold = partial(days.hold_api_token, self._reservation, allowed=limit.allowed)
        if hold() or (release_expired(self._user.pk) and hold()):
            self._reservation.is_on_api_token_day = True
            return None
        row = days.api_token_day(self._reservation)
        return self._quota_refusal(limit, days.held(row))

    def _quota_refusal(self, limit: Limit, used: int) -> LimitReached:
        return quota_refusal(
            limit, used=used, requested=self._tokens, resets_at=days.next_midnight()
        )

    def _refusal_of_windows(self) -> LimitReached | None:
        windows = read_windows(self._user, self._api_token, self._now)
        counts = []
        for limit, window in self._with_limits(AT_ONCE, windows):
            if window.running >= limit.allowed:
                return slots_refusal(limit, used=window.running)
        for limit, window in self._with_limits(A_MINUTE, windows):
            if window.tokens + self._tokens > limit.allowed:
                self._note([window.count(limit, self._now)])
                return self._minute_refusal(limit, window)
            counts.append(window.count(limit, self._now, more=self._tokens))
        self._note(counts)
        return None

    def _minute_refusal(self, limit: Limit, window: Window) -> LimitReached:
        own = self._api_token if limit.set_by == SetBy.API_TOKEN else None
        missing = window.tokens + self._tokens - limit.allowed
        return minute_refusal(
            limit,
            used=window.tokens,
            requested=self._tokens,
            resets_at=frees_at(self._user, own, missing, self._now),
        )

    def _with_limits(
        self, name: str, windows: tuple[Window, Window]
    ) -> list[tuple[Limit, Window]]:
        limits = limits_on(self._user, self._api_token, name)
        return list(zip(limits, windows, strict=False))

    def _note(self, counts: list[Count]) -> None:
        if self._api_token:
            self._api_token.standing.note(counts)
