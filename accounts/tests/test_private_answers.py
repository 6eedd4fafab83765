"""What was made for one account is kept nowhere on its way."""

from __future__ import annotations

from neuro_site.testing import BaseTestCase

PAGES = ("/usage/", "/account/activity/", "/accounts/2fa/", "/models/neo-tiny")


class PrivateAnswersTests(BaseTestCase):
    def test_no_page_of_a_signed_in_account_is_kept(self) -> None:
        self.client.force_login(self.alice)
        for page in PAGES:
            with self.subTest(page):
                cached = self.client.get(page)["Cache-Control"]
                self.assertEqual(cached, "private, no-store")

    def test_a_page_for_everybody_may_be_kept(self) -> None:
        self.assertNotIn("Cache-Control", self.client.get("/models/neo-tiny"))

    def test_no_answer_to_an_api_token_is_kept(self) -> None:
        headers = self.bearer(self.alice_api_token)
        answer = self.client.get("/api/v1/me", headers=headers)
        self.assertEqual(answer["Cache-Control"], "no-store")
