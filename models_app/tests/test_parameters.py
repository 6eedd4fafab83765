from __future__ import annotations

from django.test import SimpleTestCase

from models_app.errors import InvalidParameter
from models_app.parameters import PARAMETERS, parse


class ParseTests(SimpleTestCase):
    def refusal(self, **raw: object) -> InvalidParameter:
        with self.assertRaises(InvalidParameter) as caught:
            parse(raw)
        return caught.exception

    def test_it_fills_in_the_defaults_of_the_pipeline(self) -> None:
        parameters = parse({})

        self.assertTrue(parameters.do_sample)
        self.assertEqual(parameters.temperature, 0.9)
        self.assertEqual(parameters.top_k, 50)
        self.assertEqual(parameters.top_p, 1.0)
        self.assertEqual(parameters.repetition_penalty, 1.0)
        self.assertEqual(parameters.stop, ())

    def test_it_tells_a_length_that_was_asked_for_from_the_default(self) -> None:
        self.assertIsNone(parse({}).max_new_tokens)
        self.assertIsNone(parse({"max_new_tokens": None}).max_new_tokens)
        self.assertEqual(parse({"max_new_tokens": 50}).max_new_tokens, 50)

    def test_it_draws_a_seed_that_every_client_can_repeat(self) -> None:
        seeds = {parse({}).seed for _ in range(50)}

        self.assertGreater(len(seeds), 45)
        self.assertLess(max(seeds), 2**53)

    def test_it_keeps_a_given_seed(self) -> None:
        self.assertEqual(parse({"seed": 0}).seed, 0)
        self.assertEqual(parse({"seed": 2**63 - 1}).seed, 2**63 - 1)

    def test_it_gives_each_prompt_a_seed_of_its_own(self) -> None:
        parameters = parse({"seed": 2**63 - 1})

        self.assertEqual([parameters.seed_of(n) for n in range(2)], [2**63 - 1, 0])

    def test_it_is_greedy_without_sampling_or_without_temperature(self) -> None:
        self.assertTrue(parse({"do_sample": False}).is_greedy)
        self.assertTrue(parse({"temperature": 0}).is_greedy)
        self.assertFalse(parse({}).is_greedy)

    def test_it_names_an_unknown_parameter_and_the_nearest_known_one(self) -> None:
        error = self.refusal(temprature=1)

        self.assertEqual(error.param, "temprature")
        self.assertIn("temprature", error.message)
        self.assertEqual(error.hint, "Did you mean temperature?")

    def test_it_lists_what_is_known_when_nothing_is_near(self) -> None:
        self.assertIn("repetition_penalty", self.refusal(zzzzzz=1).hint)

    def test_it_says_the_allowed_range(self) -> None:
        cases = {
            "max_new_tokens": (0, "a whole number from 1 to 2,048"),
            "temperature": (-0.1, "a number from 0 to 5"),
            "top_p": (0, "a number above 0 and at most 1"),
            "top_k": (1.5, "a whole number from 0 to 1,000"),
            "repetition_penalty": (0, "a number above 0 and at most 10"),
            "do_sample": ("yes", "true or false"),
            "stop": (["a"] * 9, "a list of up to 8 texts"),
            "seed": (-1, "from 0 to 9,223,372,036,854,775,807"),
            "min_new_tokens": (-1, "a whole number from 0 to 2,048"),
            "min_length": (1.5, "a whole number from 0 to 1,000,000"),
            "min_p": (1.1, "a number from 0 to 1"),
            "typical_p": (0, "a number above 0 and at most 1"),
            "frequency_penalty": (2.5, "a number from -2 to 2"),
            "presence_penalty": (-2.5, "a number from -2 to 2"),
            "no_repeat_ngram_size": (-1, "a whole number from 0 to 100"),
            "bad_words": ([""], "each of 1 to 200 characters"),
            "bad_words_ids": ([1], "up to 200 lists, each of 1 to 32 token ids"),
            "logit_bias": ({"1": 101}, "up to 300 token ids, each with a number"),
            "stop_token_ids": ([-1], "a token id or a list of up to 16 token ids"),
            "eos_token_id": ("50256", "a token id or a list of up to 16 token ids"),
            "num_return_sequences": (0, "a whole number from 1 to 64"),
            "num_beams": (17, "a whole number from 1 to 16"),
            "length_penalty": (11, "a number from -10 to 10"),
            "early_stopping": ("always", 'false, true or "never"'),
            "logprobs": (21, "a whole number from 0 to 20"),
            "prompt_logprobs": (-1, "a whole number from 0 to 20"),
            "return_token_ids": (1, "true or false"),
        }
        self.assertEqual(
            cases.keys() | {"max_length"}, {parameter.name for parameter in PARAMETERS}
        )
        for name, (value, allowed) in cases.items():
            with self.subTest(name):
                error = self.refusal(**{name: value})
                self.assertEqual(error.param, name)
                self.assertIn(allowed, error.message)

    def test_it_refuses_what_only_looks_like_a_number(self) -> None:
        values: list[object] = [
            True,
            "0.5",
            [1],
            {},
            float("nan"),
            float("inf"),
            10**400,
        ]
        for value in values:
            with self.subTest(value=str(value)[:10]):
                self.refusal(temperature=value)

    def test_it_takes_whole_numbers_written_as_fractions(self) -> None:
        self.assertEqual(parse({"max_new_tokens": 15.0}).max_new_tokens, 15)

    def test_it_takes_one_stop_sequence_or_several(self) -> None:
        self.assertEqual(parse({"stop": "."}).stop, (".",))
        self.assertEqual(parse({"stop": [".", "\n"]}).stop, (".", "\n"))

    def test_it_refuses_stop_sequences_that_cannot_be_met(self) -> None:
        for stop in ("", [""], [1], "x" * 201):
            with self.subTest(stop=stop):
                self.refusal(stop=stop)

    def test_it_takes_one_token_id_or_several(self) -> None:
        self.assertEqual(parse({"eos_token_id": 50256}).eos_token_id, (50256,))
        self.assertEqual(parse({"eos_token_id": [1, 2]}).eos_token_id, (1, 2))

    def test_it_tells_no_end_of_text_token_from_the_models_own(self) -> None:
        self.assertEqual(parse({"eos_token_id": []}).eos_token_id, ())
        self.assertIsNone(parse({}).eos_token_id)

    def test_it_reads_the_token_ids_of_a_bias_as_json_writes_them(self) -> None:
        biases = parse({"logit_bias": {"11": -5, 12: 0.5}}).logit_bias

        self.assertEqual(biases, {11: -5.0, 12: 0.5})

    def test_it_refuses_what_is_no_token_id(self) -> None:
        for value in (True, -1, 1.5, "1", None, 2**31):
            with self.subTest(value=value):
                self.refusal(stop_token_ids=[value])
                self.refusal(bad_words_ids=[[value]])
        for key in ("", "-1", "x", "²", "1.0", True, "9" * 5000):
            with self.subTest(key=str(key)[:5]):
                self.refusal(logit_bias={key: 1})

    def test_it_refuses_one_token_with_two_biases(self) -> None:
        self.refusal(logit_bias={"1": 1, 1: 2})

    def test_it_takes_every_way_to_stop_early(self) -> None:
        for value in (True, False, "never"):
            with self.subTest(value=value):
                self.assertEqual(parse({"early_stopping": value}).early_stopping, value)
        self.refusal(early_stopping=1)

    def test_it_takes_nothing_for_the_default(self) -> None:
        nothing = {parameter.name: None for parameter in PARAMETERS}

        self.assertEqual(parse(nothing).temperature, 0.9)

    def test_it_cuts_absurd_values_short_in_its_message(self) -> None:
        self.assertLess(len(self.refusal(temperature="9" * 10_000).message), 150)

    def test_it_writes_itself_down_without_what_was_not_asked(self) -> None:
        written = parse({"max_length": 9, "seed": 1}).as_json()

        self.assertNotIn("max_new_tokens", written)
        self.assertEqual((written["max_length"], written["seed"]), (9, 1))


class CombinationTests(SimpleTestCase):
    """What transformers' `generate` refuses, or calls unfeasible."""

    def test_it_refuses_what_makes_no_sense_together(self) -> None:
        cases: list[tuple[str, dict[str, object], str]] = [
            (
                "num_return_sequences",
                {"num_return_sequences": 2, "do_sample": False},
                "without sampling there is only one",
            ),
            (
                "num_return_sequences",
                {"num_return_sequences": 2, "temperature": 0},
                "without sampling there is only one",
            ),
            (
                "num_return_sequences",
                {"num_return_sequences": 5, "num_beams": 4},
                "4 beams find only 4",
            ),
            (
                "min_new_tokens",
                {"min_new_tokens": 9, "max_new_tokens": 8},
                "above max_new_tokens, which is 8",
            ),
            (
                "min_length",
                {"min_length": 9, "max_length": 8},
                "above max_length, which is 8",
            ),
        ]
        for param, raw, words in cases:
            with (
                self.subTest(raw=raw),
                self.assertRaises(InvalidParameter) as caught,
            ):
                parse(raw)
            self.assertEqual(caught.exception.param, param)
            self.assertIn(words, caught.exception.message)
            self.assertTrue(caught.exception.hint)

    def test_it_takes_what_makes_sense_or_has_no_effect(self) -> None:
        for raw in (
            {"num_return_sequences": 2},
            {"num_return_sequences": 4, "num_beams": 4, "do_sample": False},
            {"min_new_tokens": 8, "max_new_tokens": 8},
            {"min_length": 9, "max_length": 8, "max_new_tokens": 3},
            {"num_beams": 1, "early_stopping": True, "length_penalty": 2},
            {"do_sample": False, "temperature": 0.7, "typical_p": 0.5},
        ):
            with self.subTest(raw=raw):
                parse(raw)
