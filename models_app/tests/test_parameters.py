from __future__ import annotations

from django.test import SimpleTestCase

from models_app.errors import InvalidParameter
from models_app.parameters import PARAMETERS, from_form, parse


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
        }
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

    def test_it_takes_nothing_for_the_default(self) -> None:
        nothing = {parameter.name: None for parameter in PARAMETERS}

        self.assertEqual(parse(nothing).temperature, 0.9)

    def test_it_cuts_absurd_values_short_in_its_message(self) -> None:
        self.assertLess(len(self.refusal(temperature="9" * 10_000).message), 150)

    def test_it_writes_itself_down_without_what_was_not_asked(self) -> None:
        written = parse({"max_length": 9, "seed": 1}).as_json()

        self.assertNotIn("max_new_tokens", written)
        self.assertEqual((written["max_length"], written["seed"]), (9, 1))


class FormTests(SimpleTestCase):
    def test_it_reads_the_fields_of_a_form(self) -> None:
        raw = from_form(
            {
                "max_new_tokens": "20",
                "temperature": "0.7",
                "do_sample": "on",
                "stop": "The end\n\n###",
                "seed": "",
                "csrfmiddlewaretoken": "x",
            }
        )

        self.assertEqual(
            raw,
            {
                "max_new_tokens": 20,
                "temperature": 0.7,
                "do_sample": True,
                "stop": ["The end", "###"],
            },
        )

    def test_it_takes_an_unticked_box_for_no(self) -> None:
        self.assertIs(from_form({})["do_sample"], False)

    def test_it_leaves_what_is_no_number_to_be_refused_by_name(self) -> None:
        with self.assertRaises(InvalidParameter) as caught:
            parse(from_form({"top_k": "many"}))

        self.assertEqual(caught.exception.param, "top_k")
