"""`/v1/completions`: what it takes, and what it answers at once."""

from __future__ import annotations

import math
from typing import Any

import pytest

from models_app.errors import Overloaded
from models_app.models import PredictionRecord
from models_app.tests.openai import CompletionTestCase, OpenAiTestCase


class AnswerTests(CompletionTestCase):
    def test_it_answers_in_openai_s_shape(self) -> None:
        answer = self.answer(seed=7)

        record = self.record()
        fingerprint = answer.pop("system_fingerprint")
        self.assertRegex(fingerprint, "^fp_[0-9a-f]{12}$")
        self.assertEqual(
            answer,
            {
                "id": f"cmpl-{record.public_id}",
                "object": "text_completion",
                "created": int(record.created_at.timestamp()),
                "model": "neo-tiny",
                "seed": 7,
                "choices": [
                    {
                        "index": 0,
                        "text": "Hello",
                        "logprobs": None,
                        "finish_reason": "stop",
                    }
                ],
                "usage": {
                    "prompt_tokens": 2,
                    "completion_tokens": 5,
                    "total_tokens": 7,
                },
            },
        )
        self.assertEqual((record.source, record.user), ("openai", self.alice))

    def test_it_has_openai_s_defaults(self) -> None:
        self.answer()

        (generation,) = self.backend.generations
        sampling = generation.sampling
        self.assertEqual(
            (sampling.max_new_tokens, sampling.temperature, sampling.top_p),
            (16, 1.0, 1.0),
        )
        self.assertEqual(sampling.top_k, 0)
        self.assertIsNone(sampling.logprobs)

    def test_it_takes_null_for_the_default(self) -> None:
        self.answer(max_tokens=None, n=None, stop=None, logprobs=None, stream=None)

        self.assertEqual(self.backend.generations[0].sampling.max_new_tokens, 16)

    def test_it_hands_on_every_parameter(self) -> None:
        self.answer(
            max_tokens=9,
            temperature=0.5,
            top_p=0.8,
            presence_penalty=0.25,
            frequency_penalty=-0.5,
            logit_bias={"97": -100},
            stop=["x", "\n"],
            seed=5,
            top_k=7,
            min_p=0.1,
            repetition_penalty=1.5,
        )

        sampling = self.backend.generations[0].sampling
        self.assertEqual(
            (sampling.max_new_tokens, sampling.temperature, sampling.top_p),
            (9, 0.5, 0.8),
        )
        self.assertEqual(
            (sampling.presence_penalty, sampling.frequency_penalty), (0.25, -0.5)
        )
        self.assertEqual(sampling.logit_bias, {97: -100.0})
        self.assertEqual((sampling.stop, sampling.seed), (("x", "\n"), 5))
        self.assertEqual(
            (sampling.top_k, sampling.min_p, sampling.repetition_penalty),
            (7, 0.1, 1.5),
        )

    def test_it_takes_prompts_in_four_forms(self) -> None:
        for prompt, expected in (
            ("ab", [[97, 98]]),
            (["ab", "c"], [[97, 98], [99]]),
            ([97, 98], [[97, 98]]),
            ([[97], [98, 99]], [[97], [98, 99]]),
        ):
            with self.subTest(prompt=prompt):
                self.backend.generations.clear()
                choices = self.answer(prompt=prompt, echo=True)["choices"]
                ids = [one.prompt_token_ids for one in self.backend.generations]
                self.assertEqual(ids, expected)
                texts = ["".join(map(chr, one)) + "Hello" for one in expected]
                self.assertEqual([one["text"] for one in choices], texts)
                self.assertEqual(
                    [one["index"] for one in choices], list(range(len(expected)))
                )

    def test_it_gives_several_completions_of_each_prompt(self) -> None:
        answer = self.answer(prompt=["ab", "c"], n=2)

        self.assertEqual([one["index"] for one in answer["choices"]], [0, 1, 2, 3])
        self.assertEqual(answer["usage"]["prompt_tokens"], 3)
        self.assertEqual(answer["usage"]["completion_tokens"], 20)

    def test_it_computes_equal_choices_once(self) -> None:
        for fields in (
            {"temperature": 0},
            {"top_p": 0},
            {"do_sample": False, "best_of": 3},
        ):
            with self.subTest(fields):
                answer = self.answer(prompt=["ab", "c"], n=2, **fields)

                choices = answer["choices"]
                self.assertEqual([one["index"] for one in choices], [0, 1, 2, 3])
                self.assertEqual({one["text"] for one in choices}, {"Hello"})
                record = PredictionRecord.objects.latest("pk")
                self.assertEqual(answer["usage"]["completion_tokens"], 2 * 5)
                self.assertEqual(record.charged_tokens, 3 + 2 * 5)

    def test_it_accepts_what_has_no_effect(self) -> None:
        self.answer(
            user="u", store=False, suffix=None, service_tier="auto", metadata={}
        )


class RefusalTests(CompletionTestCase):
    def test_it_names_the_nearest_parameter(self) -> None:
        for name, near in (
            ("temprature", "temperature"),
            ("max_new_tokens", "max_tokens"),
            ("num_return_sequences", "n"),
            ("inputs", "prompt"),
            ("top_p_", "top_p"),
        ):
            with self.subTest(name):
                error = self.refusal(**{name: 1})
                self.assertEqual(
                    (error["code"], error["param"]), ("invalid_parameter", name)
                )
                self.assertEqual(error["hint"], f"Did you mean {near}?")

    def test_it_refuses_what_it_cannot_honour(self) -> None:
        error = self.refusal(suffix="the end")

        self.assertEqual(
            (error["code"], error["param"]), ("unsupported_parameter", "suffix")
        )
        self.assertTrue(error["message"].endswith(error["hint"]))
        self.assertIn("fill no gaps", error["message"])
        self.refusal(store=True)

    def test_it_says_what_is_allowed(self) -> None:
        for name, value in (
            ("logprobs", 6),
            ("stop", ["a"] * 5),
            ("n", 0),
            ("best_of", 0),
            ("echo", "yes"),
            ("temperature", "hot"),
            ("max_tokens", -1),
            ("stream_options", {"usage": True}),
            ("stream_options", True),
            ("stream", "yes"),
            ("model", ""),
            ("prompt", None),
            ("prompt", {}),
            ("prompt", []),
            ("prompt", ""),
            ("prompt", [[]]),
            ("prompt", [["a"]]),
            ("prompt", [True]),
            ("prompt", [97, "b"]),
        ):
            with self.subTest(name=name, value=value):
                self.assertEqual(self.refusal(**{name: value})["param"], name)
        self.assertEqual(self.backend.generations, [])

    def test_it_refuses_what_makes_no_sense_together(self) -> None:
        for fields, param in (
            ({"n": 3, "best_of": 2}, "best_of"),
            ({"n": 1, "best_of": 2, "stream": True}, "best_of"),
            ({"max_tokens": 0}, "max_tokens"),
        ):
            with self.subTest(param):
                error = self.refusal(**fields)
                self.assertEqual(error["param"], param)
                self.assertNotIn("num_return_sequences", error["message"])

    def test_it_says_so_in_openai_s_names_when_a_prompt_does_not_fit(self) -> None:
        error = self.refusal(max_tokens=63)

        self.assertEqual(
            (error["code"], error["param"]), ("context_length_exceeded", "max_tokens")
        )
        self.assertTrue(error["message"].startswith("max_tokens asks for 63"))

    def test_it_tells_errors_before_the_stream_by_their_status(self) -> None:
        self.backend.unready = Overloaded(retry_after=2)
        response = self.call(stream=True)

        self.assertEqual((response.status_code, response["Retry-After"]), (503, "2"))
        self.assertEqual(response.json()["error"]["code"], "overloaded")

    def test_it_answers_unknown_addresses_in_json(self) -> None:
        response = self.client.get("/v1/embeddings", headers={})

        self.assertEqual(response.status_code, 404)
        self.assertEqual(response.json()["error"]["code"], "not_found")


@pytest.mark.usefixtures("engine")
class RealEngineTests(OpenAiTestCase):
    """The same through an engine process and Neo-Tiny."""

    path = "/v1/completions"
    body = {"model": "neo-tiny", "prompt": "It was a dark", "max_tokens": 8, "seed": 7}

    def test_it_scores_what_it_wrote_as_it_did_while_writing(self) -> None:
        (written,) = self.answer(logprobs=2)["choices"]

        text = self.body["prompt"] + written["text"]
        (scored,) = self.answer(prompt=text, logprobs=2, echo=True, max_tokens=0)[
            "choices"
        ]

        self.assertEqual(scored["text"], text)
        found, expected = scored["logprobs"], written["logprobs"]
        count = len(expected["tokens"])
        self.assertEqual(found["tokens"][-count:], expected["tokens"])
        for one, other in zip(
            found["token_logprobs"][-count:], expected["token_logprobs"], strict=True
        ):
            self.assertTrue(math.isclose(one, other, abs_tol=1e-4))
        for piece, offset in zip(found["tokens"], found["text_offset"], strict=True):
            self.assertEqual(text[offset : offset + len(piece)], piece)

    def test_it_streams_what_it_answers_at_once(self) -> None:
        whole = self.answer(n=2)["choices"]
        chunks = self.chunks(n=2)

        for choice in whole:
            pieces = [
                one["text"]
                for chunk in chunks
                for one in chunk["choices"]
                if one["index"] == choice["index"]
            ]
            self.assertEqual("".join(pieces), choice["text"])

    def test_it_takes_the_likeliest_of_several(self) -> None:
        def mean(choice: dict[str, Any]) -> float:
            values = choice["logprobs"]["token_logprobs"]
            return float(sum(values) / len(values))

        every = self.answer(n=4, logprobs=0)["choices"]
        (best,) = self.answer(n=1, best_of=4, logprobs=0)["choices"]

        self.assertEqual(best["text"], max(every, key=mean)["text"])
        self.assertEqual(mean(best), max(map(mean, every)))

    def test_it_repeats_itself_less_with_a_penalty(self) -> None:
        greedy = {"temperature": 0, "max_tokens": 60}
        (plain,) = self.answer(**greedy)["choices"]
        (varied,) = self.answer(**greedy, frequency_penalty=2)["choices"]

        def variety(choice: dict[str, Any]) -> int:
            return len(set(choice["text"].split()))

        self.assertGreater(variety(varied), variety(plain))
