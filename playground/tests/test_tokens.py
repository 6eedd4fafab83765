from __future__ import annotations

from accounts import quota
from neuro_site.testing import BaseTestCase
from playground.tests.forms import filled_form

URL = "/playground/tokens"


class TokensTests(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(self.alice)

    def test_it_counts_the_tokens_against_the_context(self) -> None:
        response = self.client.post(URL, filled_form(prompt="a" * 40))

        count = response.json()
        self.assertEqual(count["context_length"], 1024)
        self.assertTrue(0 < count["tokens"] <= 40)

    def test_it_counts_an_empty_prompt(self) -> None:
        response = self.client.post(URL, filled_form(prompt=""))

        self.assertEqual(response.json()["tokens"], 0)

    def test_it_costs_no_quota(self) -> None:
        self.client.post(URL, filled_form())

        status = quota.status(self.alice)
        self.assertEqual((status.tokens_used, status.tokens_reserved), (0, 0))

    def test_it_does_not_tokenise_what_can_never_fit(self) -> None:
        response = self.client.post(URL, filled_form(prompt="a" * (1024 * 128 + 1)))

        self.assertEqual(response.status_code, 400)
        self.assertEqual(response.json()["error"]["code"], "context_length_exceeded")

    def test_it_needs_the_tier_of_the_model(self) -> None:
        response = self.client.post(URL, filled_form(model="gpt-neo-2.7b"))

        self.assertEqual(response.status_code, 403)

    def test_it_answers_only_posts(self) -> None:
        self.assertEqual(self.client.get(URL).status_code, 405)
