from __future__ import annotations

import datetime
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

from accounts import rate_limits
from accounts.errors import RateLimited
from accounts.models import User
from accounts.tiers import TIER_LIMITS, Tier
from neuro_site.testing import BaseTestCase

LIMIT = TIER_LIMITS[Tier.FREE].requests_per_minute
NOON = 1_800_000_000.0


class RateLimitsTestCase(BaseTestCase):
    def at(self, seconds: float) -> None:
        moment = datetime.datetime.fromtimestamp(NOON + seconds, datetime.UTC)
        self.enterContext(patch("time.time", return_value=NOON + seconds))
        self.enterContext(patch("django.utils.timezone.now", return_value=moment))

    def use_up(self, user: User) -> None:
        for _ in range(user.limits.requests_per_minute):
            rate_limits.check_request(user)

    def test_it_lets_the_whole_limit_pass_and_refuses_the_next(self) -> None:
        self.at(0)
        self.use_up(self.charlie)
        with self.assertRaises(RateLimited) as caught:
            rate_limits.check_request(self.charlie)
        error = caught.exception
        self.assertEqual(error.code, "rate_limit_exceeded")
        self.assertEqual(error.status_code, 429)
        self.assertIn(f"Free tier allows {LIMIT} requests a minute", error.message)

    def test_it_says_when_the_oldest_request_leaves_the_window(self) -> None:
        self.at(0)
        rate_limits.check_request(self.charlie)
        self.at(20)
        for _ in range(LIMIT - 1):
            rate_limits.check_request(self.charlie)
        self.at(45)
        with self.assertRaises(RateLimited) as caught:
            rate_limits.check_request(self.charlie)
        self.assertEqual(caught.exception.retry_after, 16)
        self.at(60.5)
        rate_limits.check_request(self.charlie)
        with self.assertRaises(RateLimited):
            rate_limits.check_request(self.charlie)

    def test_it_does_not_count_refused_requests(self) -> None:
        self.at(0)
        self.use_up(self.charlie)
        for _ in range(LIMIT):
            with self.assertRaises(RateLimited):
                rate_limits.check_request(self.charlie)
        self.at(60.5)
        self.use_up(self.charlie)

    def test_it_keeps_accounts_apart(self) -> None:
        self.at(0)
        self.use_up(self.charlie)
        rate_limits.check_request(self.alice)

    def test_it_allows_each_tier_its_own_number(self) -> None:
        self.at(0)
        self.use_up(self.alice)
        with self.assertRaises(RateLimited):
            rate_limits.check_request(self.alice)

    def test_it_holds_when_many_ask_together(self) -> None:
        def passes(_: int) -> bool:
            try:
                rate_limits.check_request(self.charlie)
            except RateLimited:
                return False
            return True

        with ThreadPoolExecutor(16) as pool:
            passed = list(pool.map(passes, range(4 * LIMIT)))
        self.assertEqual(sum(passed), LIMIT)
