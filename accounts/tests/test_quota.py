from __future__ import annotations

import datetime
from unittest.mock import patch

from accounts import quota
from accounts.errors import QuotaExceeded
from accounts.leases import LEASE
from accounts.models import Reservation, UsageDay
from accounts.tier_changes import change_tier
from accounts.tiers import TIER_LIMITS, Tier
from neuro_site.testing import BaseTestCase

LIMIT = TIER_LIMITS[Tier.FREE].tokens_per_day


class QuotaTestCase(BaseTestCase):
    """The day alone: charlie has no other limit worth speaking of."""

    def setUp(self) -> None:
        super().setUp()
        self.charlie.staff_limits = {
            "tokens_per_minute": 10 * LIMIT,
            "concurrent_requests": 100,
        }
        self.charlie.save()

    def counts(self) -> tuple[int, int, int]:
        today = quota.status(self.charlie)
        return today.tokens_used, today.tokens_reserved, today.predictions

    def at(self, moment: datetime.datetime) -> object:
        return self.enterContext(
            patch("accounts.quota.timezone.now", return_value=moment)
        )

    def test_it_starts_with_nothing_used(self) -> None:
        self.assertEqual(self.counts(), (0, 0, 0))
        self.assertEqual(quota.status(self.charlie).tokens_left, LIMIT)
        self.assertFalse(UsageDay.objects.exists())

    def test_it_reserves_the_worst_case_and_settles_what_was_used(self) -> None:
        reservation = quota.reserve(user=self.charlie, tokens=500)
        self.assertEqual(self.counts(), (0, 500, 0))
        quota.settle(reservation, used=120)
        self.assertEqual(self.counts(), (120, 0, 1))
        self.assertFalse(Reservation.objects.filter(settled_at=None).exists())

    def test_it_charges_nothing_when_refunded(self) -> None:
        quota.refund(quota.reserve(user=self.charlie, tokens=500))
        self.assertEqual(self.counts(), (0, 0, 0))

    def test_it_settles_once_whatever_comes_later(self) -> None:
        reservation = quota.reserve(user=self.charlie, tokens=500)
        quota.settle(reservation, used=120)
        quota.settle(reservation, used=120)
        quota.refund(reservation)
        self.assertEqual(self.counts(), (120, 0, 1))

    def test_it_never_charges_more_than_was_reserved(self) -> None:
        quota.settle(quota.reserve(user=self.charlie, tokens=10), used=11)
        self.assertEqual(self.counts(), (10, 0, 1))

    def test_it_gives_out_the_last_token_and_not_one_more(self) -> None:
        quota.settle(quota.reserve(user=self.charlie, tokens=LIMIT - 1), used=LIMIT - 1)
        last = quota.reserve(user=self.charlie, tokens=1)
        with self.assertRaises(QuotaExceeded):
            quota.reserve(user=self.charlie, tokens=1)
        quota.refund(last)
        quota.reserve(user=self.charlie, tokens=1)

    def test_it_counts_what_is_reserved_against_the_limit(self) -> None:
        quota.reserve(user=self.charlie, tokens=LIMIT)
        with self.assertRaises(QuotaExceeded):
            quota.reserve(user=self.charlie, tokens=1)

    def test_it_changes_nothing_when_it_refuses(self) -> None:
        quota.reserve(user=self.charlie, tokens=LIMIT - 5)
        before = self.counts()
        with self.assertRaises(QuotaExceeded):
            quota.reserve(user=self.charlie, tokens=6)
        self.assertEqual(self.counts(), before)
        self.assertEqual(Reservation.objects.count(), 1)

    def test_it_says_what_is_left_and_when_to_come_back(self) -> None:
        self.at(datetime.datetime(2026, 3, 1, 23, 59, 30, tzinfo=datetime.UTC))
        quota.reserve(user=self.charlie, tokens=LIMIT - 7)
        with self.assertRaises(QuotaExceeded) as caught:
            quota.reserve(user=self.charlie, tokens=8)
        error = caught.exception
        self.assertIn("7 of today's are left", error.message)
        self.assertEqual(error.code, "insufficient_quota")
        self.assertEqual(error.status_code, 429)
        self.assertEqual(error.retry_after, 31)

    def test_it_starts_afresh_at_midnight_utc(self) -> None:
        self.at(datetime.datetime(2026, 3, 1, 23, 59, 59, tzinfo=datetime.UTC))
        yesterday = quota.reserve(user=self.charlie, tokens=LIMIT)
        self.at(datetime.datetime(2026, 3, 2, 0, 0, 0, tzinfo=datetime.UTC))
        quota.reserve(user=self.charlie, tokens=100)
        self.assertEqual(self.counts(), (0, 100, 0))
        quota.settle(yesterday, used=7)
        self.assertEqual(self.counts(), (0, 100, 0))
        self.assertEqual(UsageDay.objects.get(day="2026-03-01").tokens_used, 7)

    def test_it_keeps_accounts_apart(self) -> None:
        quota.reserve(user=self.charlie, tokens=LIMIT)
        quota.reserve(user=self.alice, tokens=1)
        self.assertEqual(quota.status(self.alice).tokens_reserved, 1)

    def test_it_follows_a_change_of_tier_at_once(self) -> None:
        quota.reserve(user=self.charlie, tokens=LIMIT)
        change_tier(user=self.charlie, tier=Tier.DEVELOPER)
        quota.reserve(user=self.charlie, tokens=1_000)
        change_tier(user=self.charlie, tier=Tier.FREE)
        with self.assertRaises(QuotaExceeded):
            quota.reserve(user=self.charlie, tokens=1)
        self.assertEqual(quota.status(self.charlie).tokens_left, 0)

    def test_it_takes_back_what_a_dead_process_left_reserved(self) -> None:
        noon = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
        self.at(noon)
        left_behind = quota.reserve(user=self.charlie, tokens=LIMIT)
        self.at(noon + LEASE - datetime.timedelta(seconds=1))
        with self.assertRaises(QuotaExceeded):
            quota.reserve(user=self.charlie, tokens=1)
        self.at(noon + LEASE)
        quota.reserve(user=self.charlie, tokens=1)
        quota.settle(left_behind, used=LIMIT)
        self.assertEqual(self.counts(), (0, 1, 0))

    def test_it_warns_from_four_fifths_on(self) -> None:
        quota.settle(quota.reserve(user=self.charlie, tokens=LIMIT), used=15_999)
        self.assertFalse(quota.status(self.charlie).is_near)
        quota.settle(quota.reserve(user=self.charlie, tokens=1), used=1)
        self.assertTrue(quota.status(self.charlie).is_near)
        self.assertFalse(quota.status(self.charlie).is_full)
        quota.settle(quota.reserve(user=self.charlie, tokens=4_000), used=4_000)
        self.assertTrue(quota.status(self.charlie).is_full)

    def test_it_needs_no_more_than_a_handful_of_queries(self) -> None:
        quota.refund(quota.reserve(user=self.charlie, tokens=1))
        with self.assertNumQueries(3):  # UPDATE the day, SELECT the windows, INSERT
            reservation = quota.reserve(user=self.charlie, tokens=1)
        with self.assertNumQueries(2):  # UPDATE the reservation, UPDATE the day
            quota.settle(reservation, used=1)
