from __future__ import annotations

from unittest import mock

from models_app.models import LanguageModel
from neuro_site.testing import BaseTestCase
from playground.forms import SHOWN

URL = "/playground/"


class PageTests(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(self.alice)

    def test_it_sends_visitors_to_sign_in_and_back_with_their_prompt(self) -> None:
        self.client.logout()

        response = self.client.get(f"{URL}?model=neo-tiny&prompt=Hello")

        self.assertRedirects(
            response,
            "/accounts/login/?next=/playground/%3Fmodel%3Dneo-tiny%26prompt%3DHello",
        )

    def test_it_starts_with_the_first_model_that_can_run(self) -> None:
        response = self.client.get(URL)

        self.assertEqual(response.context["chosen"].language_model.slug, "neo-tiny")

    def test_it_locks_what_the_tier_does_not_include_and_says_what_opens_it(
        self,
    ) -> None:
        response = self.client.get(f"{URL}?model=gpt-neo-2.7b")

        self.assertContains(response, "GPT-Neo-2.7B (needs Premium)")
        self.assertContains(response, "GPT-Neo-2.7B needs the Premium tier; yours is")
        locked = [c for c in response.context["choices"] if not c.is_open]
        self.assertEqual([c.language_model.slug for c in locked], ["gpt-neo-2.7b"])

    def test_it_names_the_command_that_installs_missing_weights(self) -> None:
        response = self.client.get(f"{URL}?model=gpt-neo-125m")

        self.assertContains(response, "manage.py models pull gpt-neo-125m")
        self.assertFalse(response.context["chosen"].can_run)

    def test_it_finds_a_model_by_its_id(self) -> None:
        entry = LanguageModel.objects.get(slug="gpt-neo-125m")

        response = self.client.get(f"{URL}?model={entry.public_id}")

        self.assertEqual(response.context["chosen"].language_model, entry)

    def test_it_says_when_there_is_no_such_model(self) -> None:
        response = self.client.get(f"{URL}?model=gpt-neo-1")

        self.assertContains(response, "There is no model &quot;gpt-neo-1&quot; here.")
        self.assertEqual(response.context["chosen"].language_model.slug, "neo-tiny")

    def test_it_fills_in_prompt_and_parameters_from_the_address(self) -> None:
        response = self.client.get(f"{URL}?prompt=%0AOnce&temperature=0.25")

        # A browser drops one line break after <textarea>; the prompt's own must stay.
        self.assertContains(response, ">\n\nOnce</textarea>")
        self.assertContains(response, 'value="0.25"')

    def test_it_escapes_what_the_address_says(self) -> None:
        response = self.client.get(
            URL, {"prompt": "</textarea><script>", "top_k": '"><script>'}
        )

        self.assertNotContains(response, "<script>")

    def test_it_offers_the_card_s_examples_as_links(self) -> None:
        response = self.client.get(URL)

        title, address = response.context["chosen"].examples[0]
        self.assertContains(response, title)
        followed = self.client.get(address)
        self.assertTrue(followed.context["prompt"])
        self.assertEqual(followed.context["chosen"].language_model.slug, "neo-tiny")

    def test_it_limits_the_completion_to_the_tier(self) -> None:
        longest = self.alice.limits.max_new_tokens

        self.assertContains(self.client.get(URL), f'max="{longest}"')

    def test_it_has_a_field_for_every_parameter_that_it_offers(self) -> None:
        response = self.client.get(URL)

        for parameter in SHOWN:
            with self.subTest(parameter.name):
                self.assertContains(response, f'name="{parameter.name}"', 1)
                self.assertContains(response, f'for="parameter-{parameter.name}"', 1)

    def test_it_links_the_limitations_of_the_model(self) -> None:
        self.assertContains(
            self.client.get(URL), "/models/neo-tiny#limitations-and-biases"
        )

    def test_it_works_while_nothing_is_installed(self) -> None:
        with mock.patch("playground.choices.parity_of_model", return_value=None):
            response = self.client.get(URL)

        self.assertEqual(response.status_code, 200)
        self.assertContains(response, "Neo-Tiny (not installed)")

    def test_it_works_with_an_empty_catalogue(self) -> None:
        LanguageModel.objects.update(is_enabled=False)

        self.assertEqual(self.client.get(URL).status_code, 200)
