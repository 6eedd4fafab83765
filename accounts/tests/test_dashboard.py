from __future__ import annotations

from accounts import quota
from accounts.api_tokens import issue_api_token, revoke_api_token
from accounts.models import ApiToken, User
from accounts.services import register_user
from accounts.tiers import Tier
from neuro_site.testing import BaseTestCase, Response

FEW = 13


class DashboardTestCase(BaseTestCase):
    def get(self, user: User) -> Response:
        self.client.force_login(user)
        return self.client.get("/dashboard/")

    def test_it_takes_a_new_account_through_its_next_steps(self) -> None:
        user = register_user(email="dave@example.org", password="a long phrase, this")
        response = self.get(user)
        self.assertContains(response, "Welcome to Neuro")
        for step in ("Choose a tier", "Create an API token", "Make your first call"):
            self.assertContains(response, step)
        self.assertContains(response, "No API tokens")

    def test_it_promises_no_tier_that_staff_decide_about(self) -> None:
        self.assertContains(self.get(self.charlie), "The change takes effect at once")
        with self.settings(TIER_CHANGES="approval"):
            self.assertContains(self.get(self.charlie), "staff decide")
            self.assertNotContains(self.get(self.alice), "one click")

    def test_it_ticks_steps_off_and_then_leaves_them_out(self) -> None:
        response = self.get(self.alice)
        self.assertContains(response, "Make your first call")
        self.assertContains(response, 'aria-label="Done:"', count=2)
        quota.settle(quota.reserve(user=self.alice, tokens=10), used=10)
        response = self.get(self.alice)
        self.assertNotContains(response, "Next steps")

    def test_it_brings_a_step_back_when_no_api_token_is_left(self) -> None:
        quota.settle(quota.reserve(user=self.alice, tokens=10), used=10)
        revoke_api_token(api_token=self.api_token_of(self.alice))
        response = self.get(self.alice)
        self.assertContains(response, "Create one below")
        self.assertNotContains(response, "Welcome to Neuro")

    def test_it_shows_todays_use_against_the_tiers_limits(self) -> None:
        quota.settle(quota.reserve(user=self.alice, tokens=2_000), used=1_234)
        quota.reserve(user=self.alice, tokens=77)
        response = self.get(self.alice)
        self.assertContains(response, "1,234 of 250,000")
        self.assertContains(response, '<progress value="1234" max="250000"')
        self.assertContains(response, "77 more are held for running predictions")
        self.assertContains(response, "512 tokens")

    def test_it_warns_near_the_end_of_the_quota(self) -> None:
        self.assertNotContains(self.get(self.charlie), "is-near")
        self.charlie.staff_limits = {"tokens_per_minute": 20_000}
        self.charlie.save()
        quota.settle(quota.reserve(user=self.charlie, tokens=16_000), used=16_000)
        self.assertContains(self.get(self.charlie), "is-near")
        quota.settle(quota.reserve(user=self.charlie, tokens=4_000), used=4_000)
        self.assertContains(self.get(self.charlie), "is-full")

    def test_it_lists_active_api_tokens_without_their_secret_part(self) -> None:
        self.client.force_login(self.alice)
        _, plaintext = issue_api_token(
            project=self.alice.default_project, name="<b>night job</b>"
        )
        response = self.get(self.alice)
        self.assertContains(response, "&lt;b&gt;night job&lt;/b&gt;")
        self.assertContains(response, plaintext[:12])
        self.assertNotContains(response, plaintext[12:])

    def test_it_shows_only_the_owners(self) -> None:
        ApiToken.objects.filter(project__user=self.bob).update(name="bob's secret job")
        self.assertNotContains(self.get(self.alice), "secret job")

    def test_it_is_stored_by_no_cache(self) -> None:
        self.assertIn("no-store", self.get(self.alice)["Cache-Control"])

    def test_it_needs_the_same_number_of_queries_for_many_api_tokens(self) -> None:
        self.get(self.alice)
        project = self.alice.default_project
        with self.assertNumQueries(FEW):
            self.client.get("/dashboard/")
        for number in range(20):
            issue_api_token(project=project, name=str(number))
        with self.assertNumQueries(FEW):
            self.client.get("/dashboard/")

    def test_it_works_for_an_account_without_a_project(self) -> None:
        user = User.objects.create_superuser("root@example.org", "a long phrase")
        self.assertContains(self.get(user), "Default")
        self.assertEqual(user.tier, Tier.FREE)
