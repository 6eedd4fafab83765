from __future__ import annotations

import time

from django.conf import settings
from django.core.cache import cache

from accounts import fresh_sign_in
from accounts.models import ApiToken
from neuro_site.testing import BaseTestCase, Response

URL = "/dashboard/api-tokens/"
CONFIRM = "/accounts/reauthenticate/"


class FreshSignInTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        cache.clear()  # allauth counts attempts here
        self.client.force_login(self.alice)

    def leave_for_a_while(self) -> None:
        session = self.client.session
        session[fresh_sign_in.SIGNED_IN_AT] = (
            time.time() - settings.ACCOUNT_REAUTHENTICATION_TIMEOUT - 1
        )
        session.save()

    def create(self, **headers: str) -> Response:
        return self.client.post(URL, {"name": "night job"}, headers=headers)

    def confirm(self, password: str = "") -> Response:
        return self.client.post(
            CONFIRM, {"password": password or self.password, "next": URL}
        )

    def has_api_token(self) -> bool:
        return ApiToken.objects.filter(name="night job").exists()

    def test_it_asks_nothing_of_a_fresh_sign_in(self) -> None:
        self.create()
        self.assertTrue(self.has_api_token())

    def test_it_asks_a_session_that_was_left_open(self) -> None:
        self.leave_for_a_while()
        response = self.create()
        self.assertIn(CONFIRM, response["Location"])
        self.assertFalse(self.has_api_token())

    def test_it_carries_the_form_out_after_the_confirmation(self) -> None:
        self.leave_for_a_while()
        self.create()
        response = self.confirm()
        self.assertEqual(response["Location"], "/dashboard/")
        self.assertTrue(self.has_api_token())
        self.assertContains(self.client.get("/dashboard/"), "Copy your API token now")

    def test_it_does_nothing_after_a_wrong_password(self) -> None:
        self.leave_for_a_while()
        self.create()
        self.assertContains(self.confirm("wrong"), "This password is not right")
        self.assertFalse(self.has_api_token())

    def test_it_confirms_for_a_while(self) -> None:
        self.leave_for_a_while()
        self.create()
        self.confirm()
        ApiToken.objects.filter(name="night job").delete()
        self.create()
        self.assertTrue(self.has_api_token())

    def test_it_sends_htmx_to_the_page_that_asks_and_then_answers_with_a_page(
        self,
    ) -> None:
        self.leave_for_a_while()
        response = self.create(**{"HX-Request": "true"})
        self.assertEqual(response.status_code, 204)
        self.assertTrue(response["HX-Redirect"].startswith(CONFIRM))
        self.assertEqual(self.confirm()["Location"], "/dashboard/")
        self.assertTrue(self.has_api_token())

    def test_it_sends_htmx_to_the_sign_in_when_the_session_has_ended(self) -> None:
        self.client.logout()
        response = self.create(**{"HX-Request": "true"})
        self.assertTrue(response["HX-Redirect"].startswith("/accounts/login/"))

    def test_it_guards_whatever_mints_reveals_or_ends_something(self) -> None:
        self.leave_for_a_while()
        for method, url in (
            ("get", "/account/data/"),
            ("post", "/account/data/export/"),
            ("post", "/account/data/delete/"),
            ("get", "/accounts/2fa/totp/activate/"),
            ("get", "/accounts/2fa/webauthn/add/"),
            ("get", "/accounts/2fa/recovery-codes/generate/"),
            ("post", "/accounts/email/"),
        ):
            form = {"email": "new@example.org", "action_add": ""}
            response = getattr(self.client, method)(url, form)
            self.assertIn(CONFIRM, response.headers.get("Location", ""), url)
