from __future__ import annotations

from django.core import mail
from django.core.cache import cache
from django.test import override_settings
from django.urls import reverse

from accounts.mailing import wait_until_sent
from accounts.models import User
from accounts.tiers import Tier
from neuro_site.testing import BaseTestCase, Response


class SignUpTestCase(BaseTestCase):
    url = "/accounts/signup/"
    log_in = "/accounts/login/"

    def setUp(self) -> None:
        super().setUp()
        cache.clear()  # allauth counts attempts here

    def sign_up(self, email: str = "dave@example.org", password: str = "") -> Response:
        form = {"email": email, "password1": password or "a long enough phrase"}
        return self.client.post(self.url, form)

    def test_it_asks_to_sign_in_with_the_address_filled_in(self) -> None:
        response = self.sign_up()
        self.assertRedirects(response, self.log_in, fetch_redirect_response=False)
        page = self.client.get(self.log_in)
        self.assertContains(page, "Now sign in with the password that you chose.")
        self.assertContains(page, 'value="dave@example.org"')
        self.assertNotContains(self.client.get(self.log_in), "dave@example.org")

    def test_it_lands_on_the_dashboard_after_that(self) -> None:
        self.sign_up()
        form = {"login": "dave@example.org", "password": "a long enough phrase"}
        response = self.client.post(self.log_in, form)
        self.assertRedirects(response, reverse("dashboard"))
        page = self.client.get(reverse("dashboard"))
        self.assertContains(page, "Welcome to Neuro")

    def test_it_goes_on_to_where_the_visitor_wanted_to_go(self) -> None:
        form = {"email": "dave@example.org", "password1": "a long enough phrase"}
        response = self.client.post(self.url, form | {"next": "/tiers/"})
        self.assertEqual(response["Location"], f"{self.log_in}?next=%2Ftiers%2F")
        response = self.client.post(self.url, form | {"next": "https://evil.example/"})
        self.assertEqual(response["Location"], self.log_in)

    def test_it_starts_on_free_with_a_default_project(self) -> None:
        self.sign_up("Dave@Example.org")
        user = User.objects.get(email="dave@example.org")
        self.assertEqual(user.tier, Tier.FREE)
        self.assertEqual([p.name for p in user.projects.all()], ["Default"])
        self.assertFalse(user.is_staff)

    def test_it_ignores_fields_that_are_not_asked_for(self) -> None:
        form = {"email": "dave@example.org", "password1": "a long enough phrase"}
        extra = {"tier": "premium", "is_staff": "on", "is_superuser": "on"}
        self.client.post(self.url, form | extra)
        user = User.objects.get(email="dave@example.org")
        self.assertEqual(user.tier, Tier.FREE)
        self.assertFalse(user.is_staff or user.is_superuser)

    def test_it_refuses_weak_passwords_beside_the_field(self) -> None:
        for password in ("x7!k", "12345678901", "password", "dave@example.org"):
            response = self.sign_up(password=password)
            self.assertEqual(response.status_code, 200, password)
        self.assertFalse(User.objects.filter(email="dave@example.org").exists())

    def test_it_gives_the_keyboard_to_the_first_mistake(self) -> None:
        for email, password, first in (
            ("dave@example.org", "password", "password1"),
            ("nowhere", "password", "email"),
        ):
            form = self.sign_up(email, password).context["form"]
            focused = [
                name
                for name, field in form.fields.items()
                if "autofocus" in field.widget.attrs
            ]
            self.assertEqual(focused, [first])

    def test_it_makes_no_second_account_for_an_address(self) -> None:
        self.sign_up("ALICE@example.org")
        self.assertEqual(
            User.objects.filter(email__iexact="alice@example.org").count(), 1
        )
        self.assertNotIn("_auth_user_id", self.client.session)

    def test_it_slows_down_a_robot(self) -> None:
        statuses = {self.sign_up(f"d{i}@example.org").status_code for i in range(25)}
        self.client.logout()
        self.assertIn(429, statuses | {self.sign_up("x@example.org").status_code})

    @override_settings(MAIL_IS_CONFIGURED=True, ACCOUNT_EMAIL_VERIFICATION="mandatory")
    def test_it_hides_who_has_an_account_where_there_is_a_mail_server(self) -> None:
        unknown = self.sign_up("dave@example.org")
        self.client.cookies.clear()
        known = self.sign_up("alice@example.org")
        self.assertEqual(unknown.status_code, known.status_code)
        self.assertEqual(unknown["Location"], known["Location"])
        wait_until_sent()
        self.assertEqual(
            [message.to for message in mail.outbox],
            [["dave@example.org"], ["alice@example.org"]],
        )


class PasswordResetTestCase(BaseTestCase):
    def test_it_answers_alike_for_known_and_unknown_addresses(self) -> None:
        cache.clear()
        answers = [
            self.client.post("/accounts/password/reset/", {"email": email})
            for email in ("alice@example.org", "nobody@example.org")
        ]
        self.assertEqual(answers[0].status_code, answers[1].status_code)
        self.assertEqual(answers[0]["Location"], answers[1]["Location"])

    def test_it_sends_a_link_that_sets_a_new_password(self) -> None:
        cache.clear()
        self.client.post("/accounts/password/reset/", {"email": "alice@example.org"})
        wait_until_sent()
        link = next(
            word
            for word in str(mail.outbox[0].body).split()
            if "/accounts/password/reset/key/" in word
        )
        form_page = self.client.get(link, follow=True)
        action = form_page.redirect_chain[-1][0]
        new = "another long phrase"
        self.client.post(action, {"password1": new, "password2": new})
        self.alice.refresh_from_db()
        self.assertTrue(self.alice.check_password(new))
