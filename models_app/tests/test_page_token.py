from __future__ import annotations

from django.test import Client

from accounts.authentication import authenticate_plaintext
from accounts.errors import InvalidApiToken
from accounts.models import ApiToken
from models_app.api.page_token import LIFE
from neuro_site.testing import BaseTestCase

URL = "/api/docs/token/"


class PageTokenTests(BaseTestCase):
    def setUp(self) -> None:
        self.client.force_login(self.alice)

    def ask(self) -> str:
        response = self.client.post(URL)
        self.assertEqual(response.status_code, 201)
        self.assertIn("no-store", response["Cache-Control"])
        value: str = response.json()["api_token"]
        return value

    def test_it_may_do_what_the_pages_may_for_an_hour(self) -> None:
        api_token = authenticate_plaintext(self.ask())

        self.assertEqual(api_token.user, self.alice)
        self.assertEqual(api_token.scopes, ["predict", "read:usage"])
        assert api_token.expires_at is not None
        self.assertLessEqual(api_token.expires_at - api_token.created_at, LIFE)

    def test_it_ends_the_one_before(self) -> None:
        first, second = self.ask(), self.ask()

        self.assertTrue(authenticate_plaintext(second))
        with self.assertRaises(InvalidApiToken):
            authenticate_plaintext(first)

    def test_it_gives_none_to_a_page_of_another_site(self) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(self.alice)
        before = ApiToken.objects.count()

        response = client.post(URL, headers={"Origin": "https://elsewhere.example"})

        self.assertEqual(response.status_code, 403)
        self.assertEqual(ApiToken.objects.count(), before)

    def test_it_gives_none_to_a_visitor(self) -> None:
        self.client.logout()

        self.assertEqual(self.client.post(URL).status_code, 302)

    def test_it_takes_no_cookie_for_a_call(self) -> None:
        self.assertEqual(self.client.get("/api/v1/me").status_code, 401)
