"""What a call of the Hugging Face door takes."""

from __future__ import annotations

from typing import Any

from models_app.models import PredictionRecord
from models_app.tests.huggingface import HuggingFaceTestCase


class ParameterTests(HuggingFaceTestCase):
    def recorded(self, **parameters: Any) -> dict[str, Any]:
        self.generate(**parameters)
        recorded: dict[str, Any] = PredictionRecord.objects.latest("id").parameters
        return recorded

    def test_it_takes_the_likeliest_tokens_unless_told_otherwise(self) -> None:
        recorded = self.recorded()

        self.assertIs(recorded["do_sample"], False)
        self.assertEqual((recorded["temperature"], recorded["top_k"]), (1.0, 0))
        self.assertEqual(self.backend.generations[0].sampling.max_new_tokens, 60)

    def test_it_generates_a_hundred_tokens_unless_told_otherwise(self) -> None:
        self.backend.length = 1000

        self.generate()

        self.assertEqual(self.backend.generations[0].sampling.max_new_tokens, 100)

    def test_it_samples_where_a_parameter_needs_it(self) -> None:
        for name, value in {
            "do_sample": True,
            "temperature": 0.7,
            "top_k": 5,
            "top_p": 0.9,
            "typical_p": 0.9,
        }.items():
            with self.subTest(name=name):
                self.assertIs(self.recorded(**{name: value})["do_sample"], True)
        self.assertIs(self.recorded(temperature=1.0, top_p=1)["do_sample"], False)

    def test_it_hands_over_what_both_have(self) -> None:
        given = {
            "max_new_tokens": 5,
            "repetition_penalty": 1.2,
            "frequency_penalty": 0.5,
            "seed": 7,
            "min_p": 0.1,
        }

        recorded = self.recorded(stop_sequences=["."], **given)

        self.assertEqual(recorded["stop"], ["."])
        self.assertEqual({name: recorded[name] for name in given}, given)

    def test_it_takes_what_clients_send_without_being_asked(self) -> None:
        self.generate(
            watermark=False, best_of=None, grammar=None, adapter_id=None, details=None
        )
        response = self.call(body={"options": {"wait_for_model": True}, "model": "x"})

        self.assertEqual(response.status_code, 200)

    def test_it_refuses_what_it_cannot_do_by_name(self) -> None:
        refused: dict[str, Any] = {
            "watermark": True,
            "grammar": {"type": "regex", "value": "a"},
            "adapter_id": "mine",
            "num_return_sequences": 2,
            "logprobs": 1,
        }
        for name, value in refused.items():
            with self.subTest(name=name):
                error = self.error(self.call(**{name: value}), 400)
                self.assertEqual(error["code"], "unsupported_parameter")
                self.assertEqual(error["param"], name)
                self.assertEqual(error["error_type"], "validation")

    def test_it_refuses_what_makes_no_sense(self) -> None:
        for name, parameters in (
            ("best_of", {"best_of": 2}),
            ("best_of", {"best_of": 2, "temperature": 0}),
            ("best_of", {"best_of": 0}),
            ("top_n_tokens", {"top_n_tokens": 21}),
            ("truncate", {"truncate": 0}),
            ("details", {"details": "yes"}),
            ("do_sample", {"do_sample": "yes"}),
            ("stop", {"stop": ["a"], "stop_sequences": ["b"]}),
            ("temprature", {"temprature": 1}),
        ):
            with self.subTest(parameters=parameters):
                error = self.error(self.call(**parameters), 400)
                self.assertIn(name, error["error"])
                self.assertEqual(error["code"], "invalid_parameter")

    def test_it_refuses_a_body_that_is_no_call(self) -> None:
        for name, body in (
            ("inputs", {"inputs": ["a", "b"]}),
            ("inputs", {"inputs": None}),
            ("parameters", {"parameters": []}),
            ("stream", {"stream": "yes"}),
            ("prompt", {"prompt": "x"}),
        ):
            with self.subTest(body=body):
                error = self.error(self.call(body=body), 400)
                self.assertEqual(
                    (error["code"], error["param"]), ("invalid_input", name)
                )

    def test_it_keeps_the_last_tokens_of_a_prompt(self) -> None:
        answer = self.generate(truncate=2, return_full_text=True)

        self.assertEqual(
            self.backend.generations[0].prompt_token_ids, [ord("y"), ord(" ")]
        )
        self.assertEqual(answer["generated_text"], "Say Hello")

    def test_it_truncates_a_prompt_that_would_not_fit(self) -> None:
        response = self.call("long " * 20, route="/generate", truncate=60)

        self.assertEqual(response.status_code, 200)
