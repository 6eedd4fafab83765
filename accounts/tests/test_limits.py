from __future__ import annotations

from accounts.limits import limit_of_account, limit_of_api_token
from accounts.tiers import Tier
from neuro_site.testing import BaseTestCase

NAME = "requests_per_minute"


class LimitTests(BaseTestCase):
    def test_it_says_what_is_allowed_and_by_whom(self) -> None:
        sentence = limit_of_account(self.alice, NAME).sentence
        self.assertEqual(sentence, "Your Developer tier allows 60 requests a minute")
        api_token = self.alice.default_project.api_tokens.get()
        api_token.own_limits = {NAME: 1}
        limit = limit_of_api_token(api_token, NAME)
        assert limit
        self.assertIn("allows 1 request a minute", limit.sentence)

    def test_it_names_what_helps(self) -> None:
        self.assertIn("choose a tier", limit_of_account(self.alice, NAME).remedy)
        self.alice.tier = Tier.PREMIUM
        self.assertIn("ask the staff", limit_of_account(self.alice, NAME).remedy)
