"""Guesses are slow at every door, and who is stopped is told for how long."""

from __future__ import annotations

import time
from unittest import mock

from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core.cache import cache
from django.urls import URLPattern, URLResolver, get_resolver

from accounts import throttled
from neuro_site.testing import BaseTestCase, Response

MINUTE = 60


class ThrottlingTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        cache.clear()  # allauth counts attempts here

    def attempt(self, url: str, form: dict[str, str], times: int) -> Response:
        for _ in range(times):
            response = self.client.post(url, form)
            self.assertNotEqual(response.status_code, 429)
        return self.client.post(url, form)

    def assert_told_to_wait(self, response: Response, *, up_to: int) -> None:
        self.assertContains(response, "Too many attempts", status_code=429)
        self.assertContains(response, "Try again in", status_code=429)
        seconds = int(response["Retry-After"])
        self.assertIn(seconds, range(up_to - MINUTE + 1, up_to + 1))

    def sign_in(self, password: str = "", email: str = "") -> dict[str, str]:
        return {"login": email or "alice@example.org", "password": password or "wrong"}

    def test_it_slows_down_guessing_at_one_account(self) -> None:
        response = self.attempt("/accounts/login/", self.sign_in(), times=5)
        self.assert_told_to_wait(response, up_to=5 * MINUTE)
        self.assertContains(response, "5 minutes", status_code=429)

    def test_it_takes_the_right_password_no_sooner(self) -> None:
        stopped = self.attempt("/accounts/login/", self.sign_in(), times=5)
        right = self.sign_in(self.password)
        again = self.client.post("/accounts/login/", right)
        self.assertEqual(again.status_code, 429)
        self.assertNotIn("_auth_user_id", self.client.session)
        later = time.time() + int(stopped["Retry-After"])
        with mock.patch("time.time", return_value=later):
            self.assertEqual(
                self.client.post("/accounts/login/", right).status_code, 302
            )

    def test_it_slows_down_guessing_from_one_computer(self) -> None:
        for number in range(10):
            form = self.sign_in(email=f"{number}@example.org")
            self.client.post("/accounts/login/", form)
        response = self.client.post("/accounts/login/", self.sign_in())
        self.assert_told_to_wait(response, up_to=MINUTE)

    def test_it_slows_down_sign_ups(self) -> None:
        form = {"email": "dave@example.org", "password1": "a long enough phrase"}
        response = self.attempt("/accounts/signup/", form, times=20)
        self.assert_told_to_wait(response, up_to=MINUTE)

    def test_it_slows_down_password_resets(self) -> None:
        form = {"email": "alice@example.org"}
        response = self.attempt("/accounts/password/reset/", form, times=5)
        self.assert_told_to_wait(response, up_to=MINUTE)

    def test_it_slows_down_confirmations(self) -> None:
        self.client.force_login(self.alice)
        url, form = "/accounts/reauthenticate/", {"password": "wrong"}
        response = self.attempt(url, form, times=5)
        self.assert_told_to_wait(response, up_to=5 * MINUTE)

    def test_it_slows_down_guessing_codes(self) -> None:
        TOTP.activate(self.alice, generate_totp_secret())
        self.client.post("/accounts/login/", self.sign_in(self.password))
        url, form = "/accounts/2fa/authenticate/", {"code": "000000"}
        response = self.attempt(url, form, times=5)
        self.assert_told_to_wait(response, up_to=5 * MINUTE)

    def test_it_slows_down_changes_of_the_password(self) -> None:
        self.client.force_login(self.alice)
        url, form = "/accounts/password/change/", {"oldpassword": "wrong"}
        response = self.attempt(url, form, times=5)
        self.assert_told_to_wait(response, up_to=MINUTE)

    def test_it_slows_down_guessing_with_passkeys(self) -> None:
        url, form = "/accounts/2fa/webauthn/login/", {"credential": "{}"}
        response = self.attempt(url, form, times=10)
        self.assert_told_to_wait(response, up_to=MINUTE)

    def test_it_slows_down_guessing_the_code_of_the_first_staff(self) -> None:
        self.client.force_login(self.alice)
        url, form = "/account/first-staff/", {"code": "guess"}
        response = self.attempt(url, form, times=10)
        self.assert_told_to_wait(response, up_to=60 * MINUTE)

    def test_it_knows_the_limits_of_pages_that_there_are(self) -> None:
        self.assertLessEqual(set(throttled.LIMITS), _names(get_resolver()))
        self.assertTrue(
            all(limit.rates for limits in throttled.LIMITS.values() for limit in limits)
        )


def _names(resolver: URLResolver | URLPattern) -> set[str]:
    if isinstance(resolver, URLPattern):
        return {resolver.name or ""}
    return set().union(*(_names(one) for one in resolver.url_patterns))
