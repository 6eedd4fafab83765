from __future__ import annotations

from django.urls import reverse

from accounts.tier_overrides import limits_of
from accounts.tiers import Tier
from neuro_site.testing import BaseTestCase


class HomeTestCase(BaseTestCase):
    def test_it_invites_a_visitor_to_create_an_account(self) -> None:
        response = self.client.get("/")
        self.assertContains(response, reverse("account_signup"))
        self.assertTemplateUsed(response, "accounts/home.html")

    def test_it_shows_the_catalogue_and_a_first_call_to_this_server(self) -> None:
        response = self.client.get("/")
        self.assertContains(response, "GPT-Neo-125M")
        self.assertContains(response, "http://testserver")

    def test_it_shows_the_limits_of_each_tier(self) -> None:
        response = self.client.get("/")
        for tier in Tier:
            self.assertContains(response, f"{limits_of(tier).tokens_per_day:,}")

    def test_it_sends_the_signed_in_to_their_dashboard(self) -> None:
        self.client.force_login(self.alice)
        self.assertRedirects(self.client.get("/"), reverse("dashboard"))
