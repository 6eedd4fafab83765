"""Tokens a minute and requests at once."""

from __future__ import annotations

import datetime
from unittest.mock import patch

from accounts import quota
from accounts.errors import LimitReached, QuotaExceeded, RateLimited, TierLimitExceeded
from accounts.leases import LEASE, renew, sweep
from accounts.models import ApiToken, ApiTokenDay, Reservation, UsageDay
from neuro_site.testing import BaseTestCase

NOON = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
SECOND = datetime.timedelta(seconds=1)


class WindowsTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.at(NOON)
        self.charlie.staff_limits = {
            "tokens_per_minute": 1_000,
            "concurrent_requests": 3,
        }
        self.charlie.save()

    def at(self, moment: datetime.datetime) -> None:
        self.enterContext(patch("django.utils.timezone.now", return_value=moment))

    def reserve(self, tokens: int, api_token: ApiToken | None = None) -> Reservation:
        return quota.reserve(user=self.charlie, tokens=tokens, api_token=api_token)

    def refusal(self, tokens: int, api_token: ApiToken | None = None) -> LimitReached:
        with self.assertRaises(LimitReached) as caught:
            self.reserve(tokens, api_token)
        return caught.exception

    def api_token_with(self, **own_limits: int) -> ApiToken:
        api_token = self.api_token_of(self.charlie)
        api_token.own_limits = own_limits
        api_token.save()
        return api_token


class TokensAMinuteTestCase(WindowsTestCase):
    def test_it_gives_out_the_last_token_and_not_one_more(self) -> None:
        quota.settle(self.reserve(900), used=900)
        self.reserve(100)
        error = self.refusal(1)
        self.assertIsInstance(error, RateLimited)
        self.assertEqual(error.report.name, "tokens_per_minute")

    def test_it_counts_what_was_used_instead_of_the_worst_case(self) -> None:
        quota.settle(self.reserve(900), used=100)
        quota.settle(self.reserve(900), used=900)
        self.refusal(1)

    def test_it_counts_nothing_for_what_was_refunded(self) -> None:
        quota.refund(self.reserve(1_000))
        self.reserve(1_000)

    def test_it_says_when_enough_tokens_are_free_again(self) -> None:
        quota.settle(self.reserve(300), used=300)
        self.at(NOON + 20 * SECOND)
        quota.settle(self.reserve(700), used=700)
        self.at(NOON + 30 * SECOND)
        self.assertEqual(self.refusal(300).report.resets_at, NOON + 60 * SECOND)
        self.assertEqual(self.refusal(300).retry_after, 31)
        self.assertEqual(self.refusal(301).report.resets_at, NOON + 80 * SECOND)
        self.at(NOON + 61 * SECOND)
        self.reserve(300)

    def test_it_looks_back_over_midnight(self) -> None:
        self.at(NOON.replace(hour=23, minute=59, second=50))
        quota.settle(self.reserve(1_000), used=1_000)
        self.at(NOON.replace(hour=23, minute=59, second=50) + 20 * SECOND)
        self.refusal(1)

    def test_it_takes_nothing_from_the_day_when_it_refuses(self) -> None:
        quota.settle(self.reserve(1_000), used=1_000)
        self.refusal(5)
        day = UsageDay.objects.get()
        self.assertEqual((day.tokens_used, day.tokens_reserved), (1_000, 0))

    def test_it_tells_a_call_that_can_never_fit_from_one_that_must_wait(self) -> None:
        with self.assertRaises(TierLimitExceeded) as caught:
            self.reserve(1_001)
        self.assertIn("staff of this server", caught.exception.message)
        self.assertIsNone(caught.exception.retry_after)


class RequestsAtOnceTestCase(WindowsTestCase):
    def test_it_refuses_one_more_than_may_run(self) -> None:
        running = [self.reserve(1) for _ in range(3)]
        error = self.refusal(1)
        self.assertEqual(error.report.name, "concurrent_requests")
        self.assertEqual((error.report.used, error.report.allowed), (3, 3))
        self.assertEqual(error.retry_after, 1)
        quota.settle(running[0], used=1)
        running.append(self.reserve(1))
        quota.refund(running[1])
        self.reserve(1)

    def test_it_frees_the_place_of_a_process_that_died(self) -> None:
        for _ in range(3):
            self.reserve(1)
        self.at(NOON + LEASE - SECOND)
        self.refusal(1)
        self.at(NOON + LEASE)
        self.reserve(1)

    def test_it_keeps_the_place_of_one_that_lives(self) -> None:
        for _ in range(3):
            alive = self.reserve(1)
        self.at(NOON + LEASE - SECOND)
        renew(alive)
        self.at(NOON + LEASE)
        self.assertEqual(Reservation.objects.live(NOON + LEASE).count(), 1)


class SweepTestCase(WindowsTestCase):
    def test_it_forgets_what_no_longer_counts_and_gives_back_the_rest(self) -> None:
        quota.settle(self.reserve(10), used=10)
        self.reserve(20)
        self.at(NOON + 30 * SECOND)
        sweep()
        self.assertEqual(Reservation.objects.count(), 2)
        self.at(NOON + LEASE)
        sweep()
        self.assertFalse(Reservation.objects.exists())
        day = UsageDay.objects.get()
        self.assertEqual((day.tokens_used, day.tokens_reserved), (10, 0))

    def test_it_comes_with_one_settlement_in_so_many(self) -> None:
        quota.settle(self.reserve(10), used=10)
        self.at(NOON + LEASE)
        with (
            patch("accounts.quota.SWEEP_EVERY", 1),
            self.captureOnCommitCallbacks(execute=True),
        ):
            quota.settle(self.reserve(10), used=10)
        self.assertEqual(Reservation.objects.count(), 1)


class OwnLimitsTestCase(WindowsTestCase):
    """Of a single API token, below its account's."""

    def test_it_holds_them_beside_the_accounts(self) -> None:
        cases = {
            "tokens_per_minute": RateLimited,
            "tokens_per_day": QuotaExceeded,
        }
        for name, kind in cases.items():
            with self.subTest(name):
                Reservation.objects.all().delete()
                api_token = self.api_token_with(**{name: 50})
                quota.settle(self.reserve(40, api_token), used=40)
                error = self.refusal(11, api_token)
                self.assertIsInstance(error, kind)
                self.assertEqual(error.report.name, name)
                self.assertEqual(error.report.set_by, "api_token")
                self.assertIn("test script", error.message)
                self.reserve(10, api_token)
                self.reserve(11)

    def test_it_holds_requests_at_once(self) -> None:
        api_token = self.api_token_with(concurrent_requests=1)
        self.reserve(1, api_token)
        self.assertEqual(self.refusal(1, api_token).report.set_by, "api_token")
        self.reserve(1)

    def test_it_keeps_the_api_tokens_day_in_step(self) -> None:
        api_token = self.api_token_with(tokens_per_day=50, tokens_per_minute=45)
        quota.settle(self.reserve(30, api_token), used=20)
        quota.refund(self.reserve(25, api_token))
        self.refusal(26, api_token)
        day = ApiTokenDay.objects.get()
        self.assertEqual((day.tokens_used, day.tokens_reserved), (20, 0))

    def test_it_gives_back_what_a_dead_process_held_of_the_api_tokens_day(self) -> None:
        api_token = self.api_token_with(tokens_per_day=50)
        self.reserve(40, api_token)
        self.refusal(11, api_token)
        self.at(NOON + LEASE)
        self.reserve(50, api_token)
        self.assertEqual(Reservation.objects.count(), 1)

    def test_it_lets_the_accounts_limit_refuse_first(self) -> None:
        api_token = self.api_token_with(tokens_per_minute=999_999)
        quota.settle(self.reserve(1_000), used=1_000)
        self.assertEqual(self.refusal(1, api_token).report.set_by, "staff")

    def test_it_adds_one_query_for_tokens_a_day_of_its_own(self) -> None:
        api_token = self.api_token_with(tokens_per_day=50)
        quota.refund(self.reserve(1, api_token))
        with self.assertNumQueries(4):
            reservation = self.reserve(1, api_token)
        with self.assertNumQueries(3):
            quota.settle(reservation, used=1)
