from __future__ import annotations

import datetime

from accounts import days, quota
from accounts.api_tokens import issue_api_token
from accounts.downgrade import consequences
from accounts.models import UsageDay
from accounts.tiers import Tier
from accounts.token_options import TokenOptions
from neuro_site.testing import BaseTestCase


class ConsequencesTestCase(BaseTestCase):
    def issue(self, name: str, **options: object) -> None:
        issue_api_token(
            project=self.alice.default_project,
            name=name,
            options=TokenOptions(**options),  # type: ignore[arg-type]
        )

    def test_it_names_models_and_limits(self) -> None:
        stops = consequences(self.bob, Tier.FREE)
        self.assertIn("GPT-Neo-125M", stops.models)
        self.assertIn("GPT-Neo-2.7B", stops.models)
        self.assertNotIn("Neo-Tiny", stops.models)
        self.assertIn("Requests a minute: 10 instead of 600", stops.limits)
        self.assertEqual((stops.api_tokens, stops.use), ([], []))

    def test_it_names_api_tokens_that_lose_their_models(self) -> None:
        self.issue("only", allowed_models=["gpt-neo-125m"])
        self.issue("mixed", allowed_models=["gpt-neo-125m", "neo-tiny"])
        self.issue("tiny", allowed_models=["neo-tiny"])
        text = " ".join(consequences(self.alice, Tier.FREE).api_tokens)
        self.assertIn("“only” may run GPT-Neo-125M alone", text)
        self.assertIn("“mixed” loses GPT-Neo-125M.", text)
        self.assertNotIn("tiny”", text)

    def test_it_names_api_tokens_whose_limits_are_in_use_above_the_tier(self) -> None:
        self.issue("fast", own_limits={"requests_per_minute": 40})
        (sentence,) = consequences(self.alice, Tier.FREE).api_tokens
        self.assertIn("40 requests a minute of its own; Free allows 10", sentence)

    def test_it_says_that_todays_use_is_beyond_the_lower_quota(self) -> None:
        quota.settle(quota.reserve(user=self.alice, tokens=30_000), used=30_000)
        UsageDay.objects.create(
            user=self.alice,
            day=days.today() - datetime.timedelta(days=3),
            tokens_used=25_000,
        )
        today, month = consequences(self.alice, Tier.FREE).use
        self.assertIn("30,000 tokens today and Free allows 20,000", today)
        self.assertIn("On 2 of the last 30 days", month)

    def test_it_says_that_more_is_running_than_may(self) -> None:
        for _ in range(3):
            quota.reserve(user=self.alice, tokens=1)
        (sentence,) = consequences(self.alice, Tier.FREE).use
        self.assertIn("3 predictions are running and Free allows 2", sentence)


class DowngradePageTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(self.alice)

    def test_it_says_what_stops_before_it_asks(self) -> None:
        response = self.client.get("/tiers/free/")
        self.assertContains(response, "Models that close to you")
        self.assertContains(response, "Requests a minute: 10 instead of 60")
        self.assertContains(response, "Stay on Developer")
        self.alice.refresh_from_db()
        self.assertEqual(self.alice.tier, Tier.DEVELOPER)

    def test_it_is_no_page_for_the_way_up_nor_for_nonsense(self) -> None:
        self.assertRedirects(self.client.get("/tiers/premium/"), "/tiers/")
        self.assertEqual(self.client.get("/tiers/gold/").status_code, 404)

    def test_it_is_where_the_tiers_page_leads(self) -> None:
        self.assertContains(self.client.get("/tiers/"), 'href="/tiers/free/"')
