from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import connection
from django.test import TransactionTestCase
from django.utils import timezone

from accounts import quota, tier_overrides
from accounts.api_tokens import issue_api_token
from accounts.errors import LimitReached
from accounts.models import (
    ApiToken,
    ApiTokenDay,
    Project,
    Reservation,
    UsageDay,
    User,
)
from accounts.tiers import TIER_LIMITS, Tier

LIMIT = TIER_LIMITS[Tier.FREE].tokens_per_day
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
        tier_overrides.forget()
        self.user = User.objects.create_user(
            "dave@example.org",
            staff_limits={
                "tokens_per_minute": 100 * LIMIT,
                "concurrent_requests": 1000,
            },
        )

    def limit_to(self, **limits: int) -> None:
        self.user.staff_limits |= limits
        self.user.save()

    def try_reserve(
        self, tokens: int, api_token: ApiToken | None = None
    ) -> Reservation | None:
        try:
            return quota.reserve(user=self.user, tokens=tokens, api_token=api_token)
        except LimitReached:
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
        self.assertFalse(Reservation.objects.filter(settled_at=None).exists())

    def test_it_never_lets_more_run_at_once_than_the_limit(self) -> None:
        self.limit_to(concurrent_requests=7)
        granted = run_together(lambda _: bool(self.try_reserve(1)))
        self.assertEqual(sum(granted), 7)
        self.assertEqual(UsageDay.objects.get().tokens_reserved, 7)

    def test_it_never_gives_out_more_tokens_a_minute_than_the_limit(self) -> None:
        self.limit_to(tokens_per_minute=1_000)

        def call(number: int) -> int:
            tokens = 20 + number % 13
            reservation = self.try_reserve(tokens)
            return tokens if reservation else 0

        granted = sum(run_together(call))
        self.assertLessEqual(granted, 1_000)
        self.assertGreater(granted, 1_000 - 33)
        self.assertEqual(UsageDay.objects.get().tokens_reserved, granted)

    def test_it_never_passes_the_limits_of_one_api_token(self) -> None:
        project = Project.objects.create(user=self.user, name="p")
        api_token, _ = issue_api_token(project=project, name="small")
        api_token.own_limits = {"tokens_per_day": 100}
        api_token.save()
        granted = run_together(lambda _: bool(self.try_reserve(9, api_token)))
        self.assertEqual(sum(granted), 11)
        self.assertEqual(ApiTokenDay.objects.get().tokens_reserved, 99)
        self.assertEqual(UsageDay.objects.get().tokens_reserved, 99)

    def test_it_gives_back_expired_reservations_while_others_reserve(self) -> None:
        for _ in range(10):
            quota.reserve(user=self.user, tokens=LIMIT // 10)
        Reservation.objects.update(expires_at=timezone.now())
        granted = run_together(lambda _: bool(self.try_reserve(LIMIT // 10)))
        self.assertEqual(sum(granted), 10)
        self.assertEqual(UsageDay.objects.get().tokens_reserved, LIMIT)
        self.assertEqual(Reservation.objects.count(), 10)

    def test_it_settles_once_when_many_settle_together(self) -> None:
        reservation = quota.reserve(user=self.user, tokens=100)

        def settle(number: int) -> int:
            quota.settle(reservation, used=40)
            return number

        run_together(settle)
        day = UsageDay.objects.get()
        self.assertEqual((day.tokens_used, day.tokens_reserved), (40, 0))
        self.assertEqual(day.predictions, 1)
