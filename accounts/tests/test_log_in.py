from __future__ import annotations

from django.core.cache import cache
from django.urls import reverse

from neuro_site.testing import BaseTestCase, Response


class LogInTestCase(BaseTestCase):
    url = "/accounts/login/"

    def setUp(self) -> None:
        super().setUp()
        cache.clear()  # allauth counts attempts here

    def log_in(self, email: str, password: str, **extra: str) -> Response:
        form = {"login": email, "password": password, **extra}
        return self.client.post(self.url, form)

    def test_it_takes_e_mail_and_password_to_the_dashboard(self) -> None:
        response = self.log_in("Alice@Example.org", self.password)
        self.assertRedirects(response, reverse("dashboard"))

    def test_it_goes_on_to_where_the_visitor_wanted_to_go(self) -> None:
        response = self.log_in("alice@example.org", self.password, next="/tiers/")
        self.assertRedirects(response, "/tiers/")

    def test_it_goes_nowhere_outside_this_site(self) -> None:
        response = self.log_in(
            "alice@example.org", self.password, next="https://evil.example/"
        )
        self.assertRedirects(response, reverse("dashboard"))

    def test_it_says_the_same_for_a_wrong_password_and_an_unknown_address(self) -> None:
        wrong = self.log_in("alice@example.org", "wrong")
        unknown = self.log_in("nobody@example.org", "wrong")
        sentence = "The address or the password is not correct."
        self.assertContains(wrong, sentence)
        self.assertContains(unknown, sentence)

    def test_it_refuses_a_deactivated_account(self) -> None:
        self.alice.is_active = False
        self.alice.save()
        self.log_in("alice@example.org", self.password)
        self.assertNotIn("_auth_user_id", self.client.session)

    def test_it_slows_down_guessing_at_one_account(self) -> None:
        for _ in range(5):
            self.log_in("alice@example.org", "wrong")
        self.log_in("alice@example.org", self.password)
        self.assertNotIn("_auth_user_id", self.client.session)

    def test_it_throttles_staff_at_the_same_door(self) -> None:
        response = self.client.get("/admin/login/?next=/admin/")
        self.assertRedirects(response, f"{self.url}?next=%2Fadmin%2F")

    def test_it_signs_out_with_a_post_only(self) -> None:
        self.client.force_login(self.alice)
        self.client.get("/accounts/logout/")
        self.assertIn("_auth_user_id", self.client.session)
        self.assertRedirects(self.client.post("/accounts/logout/"), reverse("home"))
        self.assertNotIn("_auth_user_id", self.client.session)
