"""Requests a minute, over a moving window, in memory or in Redis."""

from __future__ import annotations

import datetime
import functools
import threading
from typing import TypeAlias

from django.conf import settings
from limits import RateLimitItemPerMinute
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from accounts.errors import RateLimited
from accounts.limits import Limit, SetBy, limits_on
from accounts.models import ApiToken, User
from accounts.moving_windows import MemoryWindows
from accounts.refusals import requests_refusal
from accounts.standing import Count

NAME = "requests_per_minute"
MEMORY = "memory://"
Limiter: TypeAlias = MovingWindowRateLimiter | MemoryWindows

_making = threading.Lock()


def check_request(user: User, api_token: ApiToken | None = None) -> list[Count]:
    """Count one request of this account, and of its API token where that has a limit
    of its own, or raise `RateLimited` and count nothing."""
    windows = _windows(user, api_token)
    # Looked at first, so that a request which one limit refuses uses up no other.
    is_open = len(windows) == 1 or all(window.has_room() for window in windows)
    if not (is_open and all(window.hit() for window in windows)):
        raise _refusal(_note(windows, api_token))
    return _note(windows, api_token)


def read(user: User, api_token: ApiToken | None = None) -> list[Count]:
    """The same counts, without counting a request."""
    return _note(_windows(user, api_token), api_token)


def reset() -> None:
    """Forget every count."""
    limiter = _limiter(settings.RATE_LIMIT_STORAGE)
    if isinstance(limiter, MemoryWindows):
        limiter.reset()
    else:
        limiter.storage.reset()


class _Window:
    """The last minute's requests under one limit."""

    def __init__(self, limit: Limit, *identifiers: str) -> None:
        self.limit = limit
        self._item = RateLimitItemPerMinute(limit.allowed, namespace="neuro")
        self._identifiers = ("requests", *identifiers)
        self._limiter = _limiter(settings.RATE_LIMIT_STORAGE)

    def has_room(self) -> bool:
        return self._limiter.test(self._item, *self._identifiers)

    def hit(self) -> bool:
        return self._limiter.hit(self._item, *self._identifiers)

    def count(self) -> Count:
        stats = self._limiter.get_window_stats(self._item, *self._identifiers)
        return Count(
            limit=self.limit,
            used=self.limit.allowed - stats.remaining,
            resets_at=datetime.datetime.fromtimestamp(stats.reset_time, datetime.UTC),
        )


def _note(windows: list[_Window], api_token: ApiToken | None) -> list[Count]:
    counts = [window.count() for window in windows]
    if api_token:
        api_token.standing.note(counts)
    return counts


def _windows(user: User, api_token: ApiToken | None) -> list[_Window]:
    owners = {SetBy.API_TOKEN: ("api_token", str(api_token.pk))} if api_token else {}
    return [
        _Window(limit, *owners.get(limit.set_by, (str(user.pk),)))
        for limit in limits_on(user, api_token, NAME)
    ]


def _refusal(counts: list[Count]) -> RateLimited:
    count = min(counts, key=lambda one: one.remaining)
    return requests_refusal(count.limit, used=count.used, resets_at=count.resets_at)


def _limiter(storage_uri: str) -> Limiter:
    # First requests come at once: unlocked, each would count in a memory of its own,
    # and one would find redis half imported by another.
    with _making:
        return _make_limiter(storage_uri)


@functools.cache
def _make_limiter(storage_uri: str) -> Limiter:
    if storage_uri == MEMORY:
        return MemoryWindows()
    return MovingWindowRateLimiter(storage_from_string(storage_uri))
