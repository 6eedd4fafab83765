from __future__ import annotations

from models_app.snippets import Snippet
from neuro_site.testing import BaseTestCase
from playground.tests.forms import filled_form

URL = "/playground/code"


class CodeTests(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(self.alice)

    def code(self, language: str, **changes: object) -> str:
        response = self.client.post(URL, filled_form(seed="", **changes))
        snippets: list[Snippet] = response.context["snippets"]
        return next(one.code for one in snippets if one.language.slug == language)

    def test_it_writes_the_prompt_and_the_parameters_that_were_changed(self) -> None:
        self.assertIn(
            'kwargs = {\n    "max_new_tokens": 20,\n    "temperature": 0.5,\n}\n',
            self.code("npu", temperature="0.5"),
        )

    def test_it_writes_literals_of_each_language(self) -> None:
        changes = {"do_sample": "false", "stop": r"\n", "prompt": "It's"}

        self.assertIn(
            '    "do_sample": False,\n    "stop": ["\\n"],\n',
            self.code("npu", **changes),
        )
        self.assertIn(
            '      do_sample: false,\n      stop: ["\\n"],\n',
            self.code("javascript", **changes),
        )
        self.assertIn(r"It'\''s", self.code("curl", **changes))

    def test_it_writes_what_the_form_says_in_lines(self) -> None:
        changes = {
            "bad_words_ids": "198, 628",
            "logit_bias": "11: -5",
            "early_stopping": "never",
        }

        self.assertIn(
            "      bad_words_ids: [[198, 628]],\n"
            '      logit_bias: { "11": -5 },\n'
            '      early_stopping: "never",\n',
            self.code("javascript", **changes),
        )

    def test_it_shows_an_example_while_the_prompt_is_empty(self) -> None:
        self.assertIn("When I visit Bath I will", self.code("curl", prompt=""))

    def test_it_names_the_nearest_model_for_one_that_is_not_there(self) -> None:
        response = self.client.post(URL, filled_form(model="neo-tinny"))

        self.assertEqual(response.status_code, 404)
        self.assertIn("neo-tiny", response.json()["error"]["hint"])
