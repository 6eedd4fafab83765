from __future__ import annotations

from typing import Any

from models_app import services
from models_app.backends.base import SamplingParams
from models_app.errors import InvalidParameter
from models_app.tests.fakes import HELLO, FakeBackend, use_backend
from models_app.tests.test_services import ServiceTestCase


class SmallBackend(FakeBackend):
    """Knows the letters of ASCII and nothing else."""

    def vocabulary_size(self, model: str) -> int:
        return 128


class SamplingTests(ServiceTestCase):
    def sampling(self, **parameters: Any) -> SamplingParams:
        backend = SmallBackend(*HELLO)
        with use_backend(backend):
            services.predict(**self.call(prompts=["Say "], parameters=parameters))
        return backend.generations[0].sampling

    def test_it_leaves_everything_off_by_default(self) -> None:
        self.assertEqual(
            self.sampling(seed=1),
            SamplingParams(max_new_tokens=50, temperature=0.9, top_k=50, seed=1),
        )

    def test_it_hands_every_parameter_to_the_engine(self) -> None:
        same = {
            "max_new_tokens": 9,
            "min_new_tokens": 3,
            "temperature": 0.5,
            "top_k": 7,
            "top_p": 0.8,
            "min_p": 0.1,
            "typical_p": 0.7,
            "repetition_penalty": 1.5,
            "frequency_penalty": 0.5,
            "presence_penalty": -0.5,
            "no_repeat_ngram_size": 2,
            "seed": 5,
            "logprobs": 3,
            "prompt_logprobs": 4,
        }
        cases: dict[str, tuple[object, object]] = {
            "bad_words_ids": ([[1], [2, 3]], ((1,), (2, 3))),
            "logit_bias": ({"11": -5}, {11: -5.0}),
            "stop": ("x", ("x",)),
            "stop_token_ids": (4, (4,)),
        }

        sampling = self.sampling(
            **same, **{name: given for name, (given, _) in cases.items()}
        )

        for name, value in same.items():
            with self.subTest(name):
                self.assertEqual(getattr(sampling, name), value)
        for name, (_, expected) in cases.items():
            with self.subTest(name):
                self.assertEqual(getattr(sampling, name), expected)

    def test_it_knows_whose_end_of_text_token_counts(self) -> None:
        self.assertIsNone(self.sampling().end_token_ids)
        self.assertEqual(self.sampling(eos_token_id=3).end_token_ids, (3,))
        self.assertEqual(self.sampling(eos_token_id=[]).end_token_ids, ())

    def test_it_bans_a_word_also_after_a_space(self) -> None:
        sampling = self.sampling(bad_words=["no"], bad_words_ids=[[1], [110, 111]])

        self.assertEqual(sampling.bad_words_ids, ((1,), (110, 111), (32, 110, 111)))

    def test_it_counts_the_prompt_in_min_length(self) -> None:
        self.assertEqual(self.sampling(min_length=10).min_new_tokens, 6)
        self.assertEqual(self.sampling(min_length=3).min_new_tokens, 0)
        both = self.sampling(min_length=10, min_new_tokens=2)
        self.assertEqual(both.min_new_tokens, 2)

    def test_it_refuses_a_completion_that_cannot_be_long_enough(self) -> None:
        for name, call in {
            "min_new_tokens": {"min_new_tokens": 51},
            "min_length": {"min_length": 12, "max_new_tokens": 7},
        }.items():
            with self.subTest(name), self.assertRaises(InvalidParameter) as caught:
                self.sampling(**call)
            self.assertEqual(caught.exception.param, name)
            self.assertIn("at least", caught.exception.hint)

    def test_it_refuses_tokens_that_the_model_does_not_have(self) -> None:
        for name, value in {
            "bad_words_ids": [[1], [2, 128]],
            "logit_bias": {"128": 1},
            "stop_token_ids": [128],
            "eos_token_id": 128,
        }.items():
            with self.subTest(name), self.assertRaises(InvalidParameter) as caught:
                self.sampling(**{name: value})
            self.assertEqual(caught.exception.param, name)
            self.assertIn("token id 128", caught.exception.message)
            self.assertIn("0 to 127", caught.exception.message)
        self.assertEqual(self.tokens(), (0, 0))
