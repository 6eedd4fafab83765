from __future__ import annotations

from django.test import SimpleTestCase, TestCase
from django.urls import reverse

from accounts.models import User
from accounts.tier_cards import TierCard, tier_cards
from accounts.tiers import LIMIT_KINDS, TIER_LIMITS, TIER_SUMMARIES, Tier
from neuro_site.testing import BaseTestCase, Response


class TierTableTestCase(SimpleTestCase):
    def test_it_has_limits_and_a_summary_for_every_tier(self) -> None:
        self.assertEqual(list(TIER_LIMITS), list(Tier))
        self.assertEqual(list(TIER_SUMMARIES), list(Tier))

    def test_it_never_gives_a_higher_tier_less(self) -> None:
        rows = list(TIER_LIMITS.values())
        for name in type(rows[0]).__slots__:
            values = [getattr(row, name) for row in rows]
            self.assertEqual(values, sorted(values), name)

    def test_it_puts_every_limit_into_words(self) -> None:
        names = list(TIER_LIMITS[Tier.FREE].__slots__)
        self.assertEqual([kind.name for kind in LIMIT_KINDS], names)

    def test_it_includes_every_lower_tier(self) -> None:
        self.assertTrue(Tier.PREMIUM.includes(Tier.DEVELOPER))
        self.assertTrue(Tier.DEVELOPER.includes(Tier.DEVELOPER))
        self.assertFalse(Tier.FREE.includes(Tier.DEVELOPER))


class TierCardTestCase(TestCase):
    def test_it_knows_up_from_down(self) -> None:
        free, developer, premium = tier_cards(Tier.DEVELOPER)
        self.assertTrue(free.is_downgrade)
        self.assertTrue(developer.is_current)
        self.assertTrue(premium.is_upgrade)

    def test_it_names_the_tiers_between(self) -> None:
        down = TierCard(tier=Tier.FREE, current=Tier.PREMIUM)
        up = TierCard(tier=Tier.PREMIUM, current=Tier.FREE)
        self.assertEqual(down.changed_tiers, [Tier.DEVELOPER, Tier.PREMIUM])
        self.assertEqual(up.changed_tiers, down.changed_tiers)

    def test_it_lists_what_a_downgrade_makes_smaller(self) -> None:
        down = TierCard(tier=Tier.DEVELOPER, current=Tier.PREMIUM)
        self.assertIn("Requests a minute: 60 instead of 600", down.losses)

    def test_it_loses_nothing_on_the_way_up_or_as_a_visitor(self) -> None:
        self.assertEqual(TierCard(tier=Tier.PREMIUM, current=Tier.FREE).losses, [])
        for card in tier_cards(None):
            self.assertFalse(card.is_current or card.is_upgrade or card.is_downgrade)
            self.assertEqual((card.losses, card.changed_tiers), ([], []))


class TiersPageTestCase(BaseTestCase):
    def get(self, user: User | None = None) -> Response:
        if user:
            self.client.force_login(user)
        return self.client.get("/tiers/")

    def test_it_shows_every_limit_from_the_table(self) -> None:
        response = self.get(self.charlie)
        for tier in Tier:
            limits = TIER_LIMITS[tier]
            self.assertContains(response, f"{limits.tokens_per_day:,}")
            self.assertContains(response, f"{limits.max_new_tokens:,} tokens")

    def test_it_marks_the_current_tier_and_offers_the_others(self) -> None:
        response = self.get(self.alice)
        self.assertContains(response, "Your tier", count=1)
        self.assertContains(response, "Downgrade to Free")
        self.assertContains(response, "Upgrade to Premium")
        self.assertNotContains(response, "to Developer")

    def test_it_says_which_models_each_tier_opens(self) -> None:
        response = self.get(self.charlie)
        for name in ("Neo-Tiny", "GPT-Neo-125M", "GPT-Neo-2.7B"):
            self.assertContains(response, name)

    def test_it_shows_a_visitor_the_limits_and_a_way_in(self) -> None:
        response = self.get()
        self.assertContains(response, reverse("account_signup"))
        self.assertNotContains(response, "<form", html=False)


class ChangeTierTestCase(BaseTestCase):
    url = "/tiers/change/"

    def change(self, tier: str) -> Response:
        return self.client.post(self.url, {"tier": tier}, follow=True)

    def test_it_takes_effect_at_once_and_says_what_works_now(self) -> None:
        self.client.force_login(self.charlie)
        response = self.change("developer")
        self.charlie.refresh_from_db()
        self.assertEqual(self.charlie.tier, Tier.DEVELOPER)
        self.assertContains(response, "You are on Developer now.")
        self.assertContains(response, "GPT-Neo-1.3B are open to you")

    def test_it_says_what_no_longer_runs_after_a_downgrade(self) -> None:
        self.client.force_login(self.bob)
        response = self.change("developer")
        self.assertContains(response, "GPT-Neo-2.7B is closed to you.")
        self.assertContains(response, "Your API tokens and projects are as they were.")

    def test_it_leaves_the_same_tier_as_it_is(self) -> None:
        self.client.force_login(self.alice)
        self.assertContains(self.change("developer"), "on Developer already")

    def test_it_refuses_a_tier_that_does_not_exist(self) -> None:
        self.client.force_login(self.alice)
        self.assertContains(self.change("gold"), "There is no such tier")
        self.alice.refresh_from_db()
        self.assertEqual(self.alice.tier, Tier.DEVELOPER)

    def test_it_changes_nobody_else(self) -> None:
        self.client.force_login(self.alice)
        self.change("premium")
        self.assertEqual(User.objects.get(pk=self.charlie.pk).tier, Tier.FREE)

    def test_it_accepts_a_post_only(self) -> None:
        self.client.force_login(self.charlie)
        response = self.client.get(self.url, {"tier": "premium"})
        self.assertEqual(response.status_code, 405)
