"""Limits that staff edit without a deployment."""

from __future__ import annotations

import time
from unittest.mock import patch

from django.core.exceptions import ValidationError
from django.core.management import call_command

from accounts import tier_overrides
from accounts.models import TierOverride, User
from accounts.tier_overrides import limits_of, set_limits
from accounts.tiers import TIER_LIMITS, Tier
from neuro_site.testing import BaseTestCase, Response


class TierOverridesTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(tier_overrides.forget)

    def test_it_has_the_table_until_somebody_changes_it(self) -> None:
        self.assertEqual(limits_of(Tier.FREE), TIER_LIMITS[Tier.FREE])

    def test_it_takes_effect_at_once_and_for_everybody_of_the_tier(self) -> None:
        limits_of(Tier.FREE)
        set_limits(Tier.FREE, {"requests_per_minute": 12})
        self.assertEqual(self.charlie.limits.requests_per_minute, 12)
        self.assertEqual(self.charlie.limits.tokens_per_day, 20_000)
        set_limits(Tier.FREE, {})
        self.assertEqual(self.charlie.limits.requests_per_minute, 10)

    def test_it_is_seen_by_other_processes_within_seconds(self) -> None:
        limits_of(Tier.FREE)
        TierOverride.objects.filter(tier="free").update(limits={"prompts_per_call": 3})
        with self.assertNumQueries(0):
            self.assertEqual(limits_of(Tier.FREE).prompts_per_call, 1)
        later = time.monotonic() + tier_overrides.CACHE_SECONDS + 1
        with patch("accounts.tier_overrides.time.monotonic", return_value=later):
            self.assertEqual(limits_of(Tier.FREE).prompts_per_call, 3)

    def test_it_never_gives_a_higher_tier_less(self) -> None:
        with self.assertRaises(ValidationError) as caught:
            set_limits(Tier.FREE, {"requests_per_minute": 61})
        self.assertIn("Requests a minute", str(caught.exception))
        self.assertEqual(limits_of(Tier.FREE).requests_per_minute, 10)

    def test_it_leaves_out_a_limit_that_is_no_more(self) -> None:
        TierOverride.objects.filter(tier="free").update(limits={"gone": 3})
        self.assertEqual(limits_of(Tier.FREE), TIER_LIMITS[Tier.FREE])

    def test_it_gets_the_rows_it_lacks_when_the_database_is_migrated(self) -> None:
        set_limits(Tier.PREMIUM, {"requests_per_minute": 1_000})
        TierOverride.objects.exclude(tier="premium").delete()

        call_command("migrate", verbosity=0)

        self.assertCountEqual(
            TierOverride.objects.values_list("tier", flat=True), list(Tier)
        )
        self.assertEqual(limits_of(Tier.PREMIUM).requests_per_minute, 1_000)


class TierAdminTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(tier_overrides.forget)
        root = User.objects.create_superuser("root@example.org", "a long phrase")
        self.client.force_login(root)
        self.override = TierOverride.objects.get(tier="free")
        self.url = f"/admin/accounts/tieroverride/{self.override.pk}/change/"

    def save(self, **limits: object) -> Response:
        fields = {f"limit_{name}": value for name, value in limits.items()}
        return self.client.post(self.url, fields)

    def test_it_lists_the_tiers_and_shows_what_holds(self) -> None:
        listed = self.client.get("/admin/accounts/tieroverride/")
        for tier in Tier:
            self.assertContains(listed, tier.label)
        self.assertContains(self.client.get(self.url), 'placeholder="20000"')

    def test_it_saves_what_is_filled_in(self) -> None:
        self.assertEqual(self.save(tokens_per_day=30_000).status_code, 302)
        self.assertEqual(limits_of(Tier.FREE).tokens_per_day, 30_000)
        self.override.refresh_from_db()
        self.assertEqual(self.override.limits, {"tokens_per_day": 30_000})

    def test_it_refuses_what_makes_no_sense(self) -> None:
        for value in (0, -1, "many", 10**13, 999_999):
            response = self.save(tokens_per_day=value)
            self.assertContains(response, "errornote")
        self.assertContains(self.save(priority=3), "errornote")
        self.assertEqual(limits_of(Tier.FREE), TIER_LIMITS[Tier.FREE])

    def test_it_gives_one_account_limits_of_its_own(self) -> None:
        url = f"/admin/accounts/user/{self.alice.pk}/change/"
        fields = {"email": "alice@example.org", "tier": "developer", "is_active": "on"}
        refused = self.client.post(url, fields | {"staff_limits": '{"speed": 3}'})
        self.assertContains(refused, "No limit is named speed")
        self.client.post(url, fields | {"staff_limits": '{"requests_per_minute": 999}'})
        self.alice.refresh_from_db()
        self.assertEqual(self.alice.limits.requests_per_minute, 999)
