from __future__ import annotations

from typing import Any

from accounts.errors import ApplicationError, TierLimitExceeded
from models_app.errors import (
    ContextLengthExceeded,
    InvalidInput,
    InvalidParameter,
)
from models_app.parameters import parse
from models_app.prompts import Prompt, prepare_prompts
from models_app.tests.fakes import FakeBackend, use_backend
from neuro_site.testing import BaseTestCase


class PreparePromptsTests(BaseTestCase):
    """In the fake's vocabulary every character is one token; its context is 64."""

    def prepare(self, *texts: object, **parameters: object) -> list[Prompt]:
        with use_backend(FakeBackend()):
            return prepare_prompts(
                texts, model="neo-tiny", parameters=parse(parameters), user=self.alice
            )

    def refusal(
        self, kind: type[ApplicationError], *texts: object, **parameters: Any
    ) -> ApplicationError:
        with self.assertRaises(kind) as caught:
            self.prepare(*texts, **parameters)
        return caught.exception

    def test_it_tokenises_each_prompt(self) -> None:
        first, second = self.prepare("ab", "c")

        self.assertEqual((first.text, first.token_ids), ("ab", [97, 98]))
        self.assertEqual((second.text, second.token_ids), ("c", [99]))

    def test_it_takes_token_ids_as_they_are(self) -> None:
        ids, text = self.prepare([97, 98, 99], "d")

        self.assertEqual((ids.text, ids.token_ids), ("abc", [97, 98, 99]))
        self.assertEqual((text.text, text.token_ids), ("d", [100]))

    def test_it_refuses_what_is_no_token_id_of_the_model(self) -> None:
        for wrong in (-1, 1.0, True, "a", None, [97], 0x110000):
            with self.subTest(wrong=wrong):
                error = self.refusal(InvalidInput, [97, wrong])
                self.assertEqual(error.param, "inputs")
                self.assertIn("is not a token id of neo-tiny", error.message)

    def test_it_refuses_token_ids_that_are_none_or_too_many(self) -> None:
        self.refusal(InvalidInput, [])
        self.refusal(ContextLengthExceeded, [97] * 64)

    def test_it_gives_the_default_length(self) -> None:
        self.assertEqual(self.prepare("a")[0].max_new_tokens, 50)

    def test_it_shortens_the_default_to_what_fits(self) -> None:
        self.assertEqual(self.prepare("a" * 60)[0].max_new_tokens, 4)

    def test_it_counts_the_prompt_in_max_length(self) -> None:
        short, long = self.prepare("a", "a" * 10, max_length=15)

        self.assertEqual((short.max_new_tokens, long.max_new_tokens), (14, 5))

    def test_it_lets_max_new_tokens_win_over_max_length(self) -> None:
        (prompt,) = self.prepare("abc", max_length=4, max_new_tokens=7)

        self.assertEqual(prompt.max_new_tokens, 7)

    def test_it_says_how_many_tokens_the_prompt_has(self) -> None:
        for max_length in (5, 6):
            with self.subTest(max_length=max_length):
                error = self.refusal(InvalidParameter, "abcdef", max_length=max_length)
                self.assertEqual(error.param, "max_length")
                self.assertIn("6 tokens", error.message)
                self.assertIn("at least 7", error.hint)

    def test_it_refuses_a_prompt_that_leaves_no_room(self) -> None:
        error = self.refusal(ContextLengthExceeded, "a" * 64)

        self.assertIn("64", error.message)

    def test_it_refuses_a_length_beyond_the_context(self) -> None:
        error = self.refusal(ContextLengthExceeded, "a" * 60, max_new_tokens=5)

        self.assertEqual(error.param, "max_new_tokens")
        self.assertIn("room for 4 more", error.message)

    def test_it_names_the_cap_of_the_tier(self) -> None:
        with use_backend(FakeBackend(context_length=5000)):
            error = self.assert_refuses_too_many_new_tokens()

        self.assertEqual(error.param, "max_length")
        self.assertIn("Developer tier allows 512", error.message)

    def assert_refuses_too_many_new_tokens(self) -> ApplicationError:
        with self.assertRaises(TierLimitExceeded) as caught:
            prepare_prompts(
                ["a"], model="m", parameters=parse({"max_length": 514}), user=self.alice
            )
        return caught.exception

    def test_it_names_how_many_prompts_the_tier_allows(self) -> None:
        error = self.refusal(TierLimitExceeded, *"abcde")

        self.assertIn("Developer tier allows 4", error.message)

    def test_it_refuses_what_is_no_prompt(self) -> None:
        for texts in ((), ("",), (1,), (None,), (["a"],), ("\ud800",)):
            with self.subTest(texts=texts):
                self.assertEqual(self.refusal(InvalidInput, *texts).param, "inputs")

    def test_it_does_not_tokenise_what_can_never_fit(self) -> None:
        backend = FakeBackend()
        backend.encode = None  # type: ignore[assignment, method-assign]

        with use_backend(backend), self.assertRaises(ContextLengthExceeded):
            prepare_prompts(
                ["a" * 10_000], model="m", parameters=parse({}), user=self.alice
            )
