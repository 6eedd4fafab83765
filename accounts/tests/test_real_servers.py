"""The limits hold on PostgreSQL and on Redis as they do on SQLite and in memory."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.test import override_settings

from accounts import rate_limits
from accounts.errors import RateLimited
from accounts.models import User

SPECIFICATIONS = [
    "accounts/tests/test_quota.py",
    "accounts/tests/test_quota_concurrency.py",
    "accounts/tests/test_windows.py",
    "accounts/tests/test_services.py",
    "accounts/tests/test_authentication.py",
    "accounts/tests/test_closing.py",
    "accounts/tests/test_log_in.py",
    "accounts/tests/test_second_step.py",
    "accounts/tests/test_strangers.py",
    "accounts/tests/test_throttling.py",
]


def test_it_keeps_and_guards_accounts_alike_on_postgresql_and_redis(
    postgresql_url: str, redis_url: str
) -> None:
    """Redis holds what counts attempts: its database is no other test's."""
    outcome = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", *SPECIFICATIONS],
        env={
            **os.environ,
            "DATABASE_URL": postgresql_url,
            "REDIS_URL": redis_url.replace("db=0", "db=2"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout


@pytest.mark.django_db
def test_it_keeps_rate_limits_on_redis(redis_url: str) -> None:
    storage = redis_url.replace("unix://", "redis+unix://", 1)
    with override_settings(RATE_LIMIT_STORAGE=storage):
        check_that_64_callers_share_the_limit()


def check_that_64_callers_share_the_limit() -> None:
    user = User(pk=1)
    limit = user.limits.requests_per_minute

    def passes(_: int) -> bool:
        try:
            rate_limits.check_request(user)
        except RateLimited:
            return False
        return True

    with ThreadPoolExecutor(64) as pool:
        assert sum(pool.map(passes, range(64))) == limit
    with pytest.raises(RateLimited) as caught:
        rate_limits.check_request(user)
    assert caught.value.retry_after in range(1, 61)
    rate_limits.reset()
    rate_limits.check_request(user)
