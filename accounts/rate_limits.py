"""Requests a minute, over a moving window, in memory or in Redis."""

from __future__ import annotations

import functools
import math
import threading
import time

from django.conf import settings
from limits import RateLimitItemPerMinute
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from accounts.errors import RateLimited
from accounts.models import User

_making = threading.Lock()


def check_request(user: User) -> None:
    """Count one request of this account, or raise `RateLimited`."""
    limit = RateLimitItemPerMinute(user.limits.requests_per_minute, namespace="neuro")
    limiter = _limiter(settings.RATE_LIMIT_STORAGE)
    identifiers = ("requests", str(user.pk))
    if limiter.hit(limit, *identifiers):
        return
    reset_time = limiter.get_window_stats(limit, *identifiers).reset_time
    raise RateLimited(
        f"Your {user.get_tier_display()} tier allows {limit.amount} requests a minute.",
        retry_after=max(1, math.ceil(reset_time - time.time())),
    )


def reset() -> None:
    """Forget every count."""
    _limiter(settings.RATE_LIMIT_STORAGE).storage.reset()


def _limiter(storage_uri: str) -> MovingWindowRateLimiter:
    # First requests come at once: unlocked, each would count in a memory of its own,
    # and one would find redis half imported by another.
    with _making:
        return _make_limiter(storage_uri)


@functools.cache
def _make_limiter(storage_uri: str) -> MovingWindowRateLimiter:
    return MovingWindowRateLimiter(storage_from_string(storage_uri))
