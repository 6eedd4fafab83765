"""What the Hugging Face door answers, whole and as a stream."""

from __future__ import annotations

from typing import Any

from models_app.errors import Overloaded
from models_app.tests.fakes import logprob, token
from models_app.tests.huggingface import HELLO, HuggingFaceTestCase


class AnswerTests(HuggingFaceTestCase):
    def test_it_says_no_more_than_it_was_asked(self) -> None:
        self.assertEqual(self.generate(), {"generated_text": "Hello"})

    def test_it_puts_the_prompt_before_the_text(self) -> None:
        answer = self.generate(return_full_text=True)

        self.assertEqual(answer, {"generated_text": "Say Hello"})

    def test_it_gives_details(self) -> None:
        details = self.generate(details=True, seed=3)["details"]

        tokens = details.pop("tokens")
        self.assertEqual(
            details,
            {
                "finish_reason": "length",
                "generated_tokens": 5,
                "seed": 3,
                "prefill": [],
            },
        )
        self.assertEqual(
            tokens[0], {"id": ord("H"), "text": "H", "logprob": -0.5, "special": False}
        )
        self.assertEqual(len(tokens), 5)

    def test_it_gives_alternatives(self) -> None:
        details = self.generate(details=True, top_n_tokens=2)["details"]

        self.assertEqual(
            [[one["text"] for one in tokens] for tokens in details["top_tokens"]],
            [["x", "y"]] * 5,
        )

    def test_it_gives_the_tokens_of_the_prompt(self) -> None:
        prompt = [None, *(logprob(one) for one in "ay ")]
        self.backend.script = [
            token("H", logprobs=[logprob("H")], prompt_logprobs=prompt),
            token("", finish_reason="stop"),
        ]

        details = self.generate(details=True, decoder_input_details=True)["details"]

        self.assertEqual(
            details["prefill"][:2],
            [
                {"id": ord("S"), "text": "S", "logprob": None},
                {"id": ord("a"), "text": "a", "logprob": -0.5},
            ],
        )

    def test_it_says_which_way_a_text_ended(self) -> None:
        for stop_sequence, reason in ((None, "eos_token"), ("o", "stop_sequence")):
            with self.subTest(reason=reason):
                self.backend.script = [
                    token("H", finish_reason="stop", stop_sequence=stop_sequence)
                ]
                details = self.generate(details=True)["details"]
                self.assertEqual(details["finish_reason"], reason)

    def test_it_answers_with_the_likeliest_of_several(self) -> None:
        answer = self.generate(best_of=2, do_sample=True, details=True, seed=1)

        (other,) = answer["details"]["best_of_sequences"]
        self.assertEqual(
            {answer["details"]["seed"], other["seed"]}, {1, 2}, "each has its own"
        )
        self.assertEqual(other["generated_text"], "Hello")

    def test_its_headers_say_what_it_took(self) -> None:
        response = self.call()

        self.assertEqual(response["x-prompt-tokens"], "4")
        self.assertEqual(response["x-generated-tokens"], "5")
        self.assertEqual(response["x-queue-time"], "2")
        for name in ("x-inference-time", "x-time-per-token"):
            self.assertRegex(response[name], r"^\d+$")


class StreamTests(HuggingFaceTestCase):
    def stream(self, **parameters: Any) -> list[dict[str, Any]]:
        return self.events(self.call(body={"stream": True}, **parameters))

    def test_it_sends_every_token_and_the_text_with_the_last(self) -> None:
        events = self.stream(seed=5)

        self.assertEqual([one["index"] for one in events], [1, 2, 3, 4, 5])
        self.assertEqual("".join(one["token"]["text"] for one in events), "Hello")
        self.assertEqual(
            [one["token"]["id"] for one in events], [ord(letter) for letter in "Hello"]
        )
        self.assertEqual(
            [one["generated_text"] for one in events], [None] * 4 + ["Hello"]
        )
        self.assertEqual(
            events[-1]["details"],
            {
                "finish_reason": "length",
                "generated_tokens": 5,
                "seed": 5,
                "input_length": 4,
            },
        )

    def test_it_does_so_at_the_address_of_streams(self) -> None:
        response = self.call(route="/generate_stream")

        self.assertEqual(response["x-prompt-tokens"], "4")
        self.assertEqual(self.events(response)[-1]["generated_text"], "Hello")

    def test_it_gives_alternatives(self) -> None:
        for event in self.stream(top_n_tokens=2):
            self.assertEqual(len(event["top_tokens"]), 2)

    def test_it_ends_with_an_error_that_clients_understand(self) -> None:
        self.backend.script = [HELLO[0], Overloaded(retry_after=2)]

        error = self.stream()[-1]

        self.assertEqual((error["code"], error["error_type"]), ("overloaded",) * 2)
        self.assertIsInstance(error["error"], str)

    def test_it_says_that_a_text_was_cut_off(self) -> None:
        self.backend.script = [HELLO[0], token("", finish_reason="abort")]

        self.assertEqual(self.stream()[-1]["error_type"], "incomplete_generation")

    def test_it_refuses_what_no_stream_can_have(self) -> None:
        for parameters in (
            {"best_of": 2, "do_sample": True},
            {"decoder_input_details": True},
        ):
            with self.subTest(parameters=parameters):
                self.error(self.call(route="/generate_stream", **parameters), 400)
