from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import connection
from django.test import TransactionTestCase

from accounts import quota
from accounts.errors import QuotaExceeded
from accounts.models import Reservation, UsageDay, User
from accounts.tiers import Tier, limits_of

LIMIT = limits_of(Tier.FREE).tokens_per_day
CALLERS = 64


def run_together(work: Callable[[int], int]) -> list[int]:
    """`work(0)`, `work(1)`, … each in a thread with a connection of its own."""

    def isolated(number: int) -> int:
        try:
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(isolated, range(CALLERS)))


class QuotaConcurrencyTestCase(TransactionTestCase):
    def setUp(self) -> None:
        self.user = User.objects.create_user("dave@example.org")

    def try_reserve(self, tokens: int) -> Reservation | None:
        try:
            return quota.reserve(user=self.user, tokens=tokens)
        except QuotaExceeded:
            return None

    def test_it_makes_one_row_for_many_first_callers(self) -> None:
        run_together(lambda _: bool(self.try_reserve(1)))
        day = UsageDay.objects.get()
        self.assertEqual(day.tokens_reserved, CALLERS)

    def test_it_never_gives_out_more_than_the_limit(self) -> None:
        share = LIMIT // 10
        granted = run_together(lambda _: bool(self.try_reserve(share)))
        self.assertEqual(sum(granted), 10)
        day = UsageDay.objects.get()
        self.assertEqual(day.tokens_reserved, LIMIT)
        self.assertEqual(Reservation.objects.count(), 10)

    def test_it_leaks_nothing_over_many_calls_that_settle_or_refund(self) -> None:
        def calls(number: int) -> int:
            rng = random.Random(number)  # noqa: S311 -- a dice, no secret
            used = 0
            for _ in range(5):
                reservation = self.try_reserve(rng.randrange(1, LIMIT // 8))
                if reservation is None:
                    continue
                if rng.random() < 0.3:
                    quota.refund(reservation)
                    continue
                spent = rng.randrange(reservation.tokens)
                quota.settle(reservation, used=spent)
                used += spent
            return used

        spent = sum(run_together(calls))
        day = UsageDay.objects.get()
        self.assertEqual(day.tokens_used, spent)
        self.assertEqual(day.tokens_reserved, 0)
        self.assertLessEqual(day.tokens_used, LIMIT)
        self.assertFalse(Reservation.objects.exists())

    def test_it_settles_once_when_many_settle_together(self) -> None:
        reservation = quota.reserve(user=self.user, tokens=100)

        def settle(number: int) -> int:
            quota.settle(reservation, used=40)
            return number

        run_together(settle)
        day = UsageDay.objects.get()
        self.assertEqual((day.tokens_used, day.tokens_reserved), (40, 0))
        self.assertEqual(day.predictions, 1)
