"""The playground in a browser without JavaScript."""

from __future__ import annotations

import pytest

from models_app.models import PredictionRecord
from models_app.tests.fakes import BEAMS, HELLO, FakeBackend, use_backend
from neuro_site.testing import BaseTestCase
from playground.tests.forms import filled_form

URL = "/playground/"


class PlainFormTests(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(self.alice)

    def test_it_shows_the_completion_after_its_prompt(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            response = self.client.post(URL, filled_form())

        self.assertContains(response, "Say <mark>Hello</mark>")
        self.assertContains(response, "The model ended the text here.")
        self.assertContains(response, ">\nSay </textarea>")

    def test_it_shows_several_completions_each_after_the_prompt(self) -> None:
        with use_backend(FakeBackend(*BEAMS)):
            response = self.client.post(
                URL, filled_form(num_beams=4, num_return_sequences=2)
            )

        for text in ("Hi", "Ho"):
            self.assertContains(response, f"Say <mark>{text}</mark>")
        self.assertContains(response, "Completion 2")

    def test_it_opens_what_is_folded_away_where_it_is_wrong(self) -> None:
        with use_backend(FakeBackend()):
            response = self.client.post(URL, filled_form(logit_bias="often"))

        self.assertContains(response, "Logit bias must be", status_code=400)
        self.assertContains(
            response, '<details class="advanced" open>', html=False, status_code=400
        )

    def test_it_writes_the_ledger_as_the_playground(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            self.client.post(URL, filled_form())

        record = PredictionRecord.objects.get()
        self.assertEqual((record.source, record.user), ("playground", self.alice))
        self.assertEqual((record.project.name, record.seed), ("Default", 7))

    def test_it_keeps_everything_when_it_refuses(self) -> None:
        with use_backend(FakeBackend()):
            response = self.client.post(
                URL, filled_form(prompt="My text", top_p="2", stop=r"\n")
            )

        self.assertContains(response, "Top p must be a number", status_code=400)
        self.assertContains(response, ">\nMy text</textarea>", status_code=400)
        self.assertContains(response, ">\n\\n</textarea>", status_code=400)

    def test_it_links_the_tiers_when_the_tier_is_too_low(self) -> None:
        with use_backend(FakeBackend()):
            response = self.client.post(URL, filled_form(model="gpt-neo-2.7b"))

        self.assertContains(response, "Compare the tiers", status_code=403)


@pytest.mark.usefixtures("engine")
class RealEngineTests(BaseTestCase):
    def test_it_runs_the_prompt(self) -> None:
        self.client.force_login(self.alice)

        response = self.client.post(
            URL, filled_form(prompt="The sea", max_new_tokens=4)
        )

        self.assertContains(response, "Ended at the limit on its length, 4 tokens.")
        ((text, _),) = response.context["completions"]
        self.assertTrue(text)
