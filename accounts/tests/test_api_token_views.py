from __future__ import annotations

import re
from typing import Any

from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from accounts import show_once
from accounts.api_tokens import revoke_api_token
from accounts.authentication import authenticate_plaintext
from accounts.errors import InvalidApiToken
from accounts.models import ApiToken
from neuro_site.testing import BaseTestCase, Response


def plaintext_in(response: Response) -> str:
    """The API token that the page shows, or nothing."""
    found = re.search(r'<code id="new-api-token">(nro_\w+)</code>', text_of(response))
    return found[1] if found else ""


def text_of(response: Response) -> str:
    return response.content.decode()


class CreateApiTokenTestCase(BaseTestCase):
    url = "/dashboard/api-tokens/"

    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(self.alice)

    def create(self, name: str = "night job", **extra: Any) -> Response:
        return self.client.post(self.url, {"name": name}, **extra)

    def test_it_redirects_to_the_page_that_shows_the_plaintext(self) -> None:
        response = self.create()
        self.assertRedirects(
            response, reverse("dashboard"), fetch_redirect_response=False
        )
        api_token = authenticate_plaintext(plaintext_in(self.client.get("/dashboard/")))
        self.assertEqual(api_token.name, "night job")
        self.assertEqual(api_token.project, self.alice.default_project)

    def test_it_shows_the_plaintext_once(self) -> None:
        self.create()
        self.assertTrue(plaintext_in(self.client.get("/dashboard/")))
        second = self.client.get("/dashboard/")
        self.assertEqual(plaintext_in(second), "")
        self.assertNotContains(second, "Copy your API token now")

    def test_it_puts_the_plaintext_into_a_script_that_is_ready_to_run(self) -> None:
        self.create()
        response = self.client.get("/dashboard/")
        self.assertContains(response, "import npu")
        self.assertContains(response, f"npu.api(&quot;{plaintext_in(response)}&quot;")

    def test_it_never_puts_the_plaintext_into_a_url(self) -> None:
        self.assertNotIn("nro_", self.create()["Location"])

    def test_it_never_stores_the_plaintext_on_the_server(self) -> None:
        cookie = self.create().cookies[show_once.COOKIE].value
        secret = cookie.split(":")[0][12:]
        for session in Session.objects.all():
            self.assertNotIn(secret, str(session.get_decoded()))
        self.assertFalse(ApiToken.objects.filter(digest__contains=secret).exists())

    def test_it_carries_the_plaintext_in_a_cookie_that_scripts_cannot_read(
        self,
    ) -> None:
        cookie = self.create().cookies[show_once.COOKIE]
        self.assertTrue(cookie["httponly"])
        self.assertEqual(cookie["samesite"], "Strict")
        self.assertEqual(cookie["path"], "/dashboard/")
        self.assertEqual(cookie["max-age"], 60)

    def test_it_keeps_caches_and_history_from_storing_the_page(self) -> None:
        self.create()
        self.assertIn("no-store", self.client.get("/dashboard/")["Cache-Control"])
        htmx = self.create(headers={"HX-Request": "true"})
        self.assertIn("no-store", htmx["Cache-Control"])

    def test_it_shows_nothing_to_the_next_one_who_signs_in(self) -> None:
        self.create()
        self.client.force_login(self.bob)
        self.assertEqual(plaintext_in(self.client.get("/dashboard/")), "")

    def test_it_ignores_a_forged_cookie(self) -> None:
        self.client.cookies[show_once.COOKIE] = self.alice_api_token
        self.assertEqual(plaintext_in(self.client.get("/dashboard/")), "")

    def test_it_answers_htmx_with_the_fragment_that_shows_it(self) -> None:
        response = self.create(headers={"HX-Request": "true"})
        self.assertTrue(authenticate_plaintext(plaintext_in(response)))
        self.assertNotContains(response, "<html")
        self.assertNotIn(show_once.COOKIE, response.cookies)

    def test_it_says_beside_the_field_what_is_wrong_with_a_name(self) -> None:
        for headers in ({}, {"HX-Request": "true"}):
            response = self.create(" ", headers=headers)
            self.assertContains(response, "field-error")
        self.assertEqual(ApiToken.objects.filter(project__user=self.alice).count(), 1)

    def test_it_accepts_a_post_only(self) -> None:
        self.assertEqual(self.client.get(self.url).status_code, 405)

    def test_it_refuses_a_form_from_another_site(self) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(self.alice)
        response = client.post(self.url, {"name": "night job"})
        self.assertEqual(response.status_code, 403)

    def test_it_sends_a_visitor_to_the_log_in(self) -> None:
        self.client.logout()
        response = self.create()
        self.assertIn("/accounts/login/", response["Location"])
        self.assertFalse(ApiToken.objects.filter(name="night job").exists())


class RevokeApiTokenTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(self.alice)

    def url_of(self, api_token: ApiToken) -> str:
        return reverse("api_token_revoke", args=[api_token.public_id])

    def test_it_revokes_at_once_and_drops_it_from_the_list(self) -> None:
        url = self.url_of(self.api_token_of(self.alice))
        response = self.client.post(url, follow=True)
        self.assertContains(response, "“test script” is revoked")
        self.assertNotContains(response, self.alice_api_token[:12])
        with self.assertRaises(InvalidApiToken):
            authenticate_plaintext(self.alice_api_token)

    def test_it_asks_before_it_revokes(self) -> None:
        response = self.client.get("/dashboard/")
        self.assertContains(response, "This cannot be undone.")

    def test_it_does_not_know_another_accounts_api_tokens(self) -> None:
        response = self.client.post(self.url_of(self.api_token_of(self.bob)))
        self.assertEqual(response.status_code, 404)
        self.assertTrue(authenticate_plaintext(self.bob_api_token))

    def test_it_does_not_know_ids_that_do_not_exist(self) -> None:
        for public_id in ("0" * 24, "1", "x"):
            url = reverse("api_token_revoke", args=[public_id])
            self.assertEqual(self.client.post(url).status_code, 404)

    def test_it_can_be_sent_twice(self) -> None:
        api_token = self.api_token_of(self.alice)
        revoke_api_token(api_token=api_token)
        response = self.client.post(self.url_of(api_token))
        self.assertRedirects(response, reverse("dashboard"))

    def test_it_accepts_a_post_only(self) -> None:
        url = self.url_of(self.api_token_of(self.alice))
        self.assertEqual(self.client.get(url).status_code, 405)

    def test_it_refuses_a_form_from_another_site(self) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(self.alice)
        response = client.post(self.url_of(self.api_token_of(self.alice)))
        self.assertEqual(response.status_code, 403)
