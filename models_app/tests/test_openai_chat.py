"""`/v1/chat/completions`: for models with a chat template, and no others."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import pytest
from django.test import override_settings

from models_app.tests.checkpoints import write_chat_checkpoint
from models_app.tests.fakes import (
    HELLO,
    FakeBackend,
    Scripted,
    logprob,
    token,
    use_backend,
)
from models_app.tests.openai import OpenAiTestCase
from models_app.weights import installed_dir

TALK = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Hi!"},
]


class ChatTestCase(OpenAiTestCase):
    path = "/v1/chat/completions"
    body = {"model": "neo-tiny", "messages": TALK}
    script: tuple[Scripted, ...] = HELLO

    def setUp(self) -> None:
        super().setUp()
        models = Path(self.enterContext(TemporaryDirectory()))
        self.enterContext(override_settings(MODELS_DIR=models))
        write_chat_checkpoint(models / "neo-tiny")
        self.backend = self.enterContext(
            use_backend(FakeBackend(*self.script, context_length=1024))
        )

    def prompt(self) -> str:
        return "".join(map(chr, self.backend.generations[-1].prompt_token_ids))


class AnswerTests(ChatTestCase):
    def test_it_answers_in_openai_s_shape(self) -> None:
        answer = self.answer(seed=7)

        record = self.record()
        self.assertEqual(self.prompt(), "system: Be kind.\nuser: Hi!\nassistant:")
        self.assertEqual(answer["id"], f"chatcmpl-{record.public_id}")
        self.assertEqual(answer["object"], "chat.completion")
        self.assertEqual(
            answer["choices"],
            [
                {
                    "index": 0,
                    "message": {
                        "role": "assistant",
                        "content": "Hello",
                        "refusal": None,
                    },
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
        )
        self.assertEqual(answer["usage"]["completion_tokens"], 5)
        self.assertEqual((record.source, answer["seed"]), ("openai", 7))

    def test_it_lets_an_answer_be_as_long_as_the_tier_allows(self) -> None:
        self.answer()

        (generation,) = self.backend.generations
        self.assertEqual(
            generation.sampling.max_new_tokens, self.alice.limits.max_new_tokens
        )

    def test_it_takes_both_names_of_the_length(self) -> None:
        for name in ("max_tokens", "max_completion_tokens"):
            with self.subTest(name):
                self.answer(**{name: 9})
                sampling = self.backend.generations[-1].sampling
                self.assertEqual(sampling.max_new_tokens, 9)

    def test_it_gives_several_answers(self) -> None:
        choices = self.answer(n=2)["choices"]

        self.assertEqual([one["index"] for one in choices], [0, 1])

    def test_it_tells_logprobs(self) -> None:
        self.backend.script = (
            token("é", logprobs=[logprob("é", "e")]),
            token("", finish_reason="stop"),
        )

        (choice,) = self.answer(logprobs=True, top_logprobs=1)["choices"]

        self.assertEqual(
            choice["logprobs"],
            {
                "content": [
                    {
                        "token": "é",
                        "logprob": -0.5,
                        "bytes": [195, 169],
                        "top_logprobs": [
                            {"token": "e", "logprob": -1.0, "bytes": [101]}
                        ],
                    }
                ],
                "refusal": None,
            },
        )

    def test_it_reads_parts_and_what_it_answered_before(self) -> None:
        parts = [{"type": "text", "text": "One"}, {"type": "text", "text": "two"}]
        before = {"role": "assistant", "content": "Yes", "refusal": None}
        self.answer(
            messages=[
                {"role": "developer", "content": parts},
                before | {"tool_calls": None, "annotations": []},
                {"role": "user", "content": "", "name": "ada"},
            ]
        )

        self.assertEqual(
            self.prompt(), "system: One\ntwo\nassistant: Yes\nuser: \nassistant:"
        )

    def test_it_ends_with_the_token_that_ends_a_turn(self) -> None:
        with mock.patch.object(self.backend, "encode", return_value=[46]):
            self.answer(stop_token_ids=[5])
            self.answer(eos_token_id=[6])

        first, second = self.backend.generations
        self.assertEqual(first.sampling.stop_token_ids, (5, 46))
        self.assertEqual(second.sampling.stop_token_ids, ())

    def test_it_accepts_what_asks_for_nothing(self) -> None:
        self.answer(
            tools=[],
            tool_choice="none",
            response_format={"type": "text"},
            modalities=["text"],
            parallel_tool_calls=True,
            reasoning_effort=None,
        )


class StreamTests(ChatTestCase):
    def test_it_streams_the_role_first(self) -> None:
        chunks = self.chunks(n=2, stream_options={"include_usage": True})

        *_, usage = chunks
        self.assertEqual(usage["choices"], [])
        self.assertEqual(usage["usage"]["completion_tokens"], 10)
        self.assertEqual(
            {chunk["object"] for chunk in chunks}, {"chat.completion.chunk"}
        )
        for index in range(2):
            choices = [
                one
                for chunk in chunks
                for one in chunk["choices"]
                if one["index"] == index
            ]
            first, *middle, last = choices
            self.assertEqual(first["delta"]["role"], "assistant")
            texts = [one["delta"]["content"] for one in middle]
            self.assertEqual("".join(texts), "Hello")
            self.assertEqual((last["delta"], last["finish_reason"]), ({}, "stop"))


class RefusalTests(ChatTestCase):
    def test_it_names_the_other_route_for_a_base_model(self) -> None:
        shutil.rmtree(installed_dir("neo-tiny"))

        error = self.refusal()

        self.assertEqual(
            (error["code"], error["param"]), ("chat_not_supported", "model")
        )
        self.assertIn("/v1/completions", error["hint"])

    def test_it_says_that_weights_are_missing(self) -> None:
        response = self.call(model="smollm2-135m-instruct")

        self.assertEqual(response.status_code, 503)
        self.assertEqual(response.json()["error"]["code"], "model_not_installed")

    def test_it_refuses_what_it_cannot_honour(self) -> None:
        tool = {"type": "function", "function": {"name": "f"}}
        for name, value in (
            ("tools", [tool]),
            ("tool_choice", "required"),
            ("functions", [{"name": "f"}]),
            ("response_format", {"type": "json_object"}),
            ("modalities", ["text", "audio"]),
            ("audio", {"voice": "alloy"}),
            ("reasoning_effort", "high"),
            ("web_search_options", {}),
        ):
            with self.subTest(name):
                error = self.refusal(**{name: value})
                self.assertEqual(
                    (error["code"], error["param"]), ("unsupported_parameter", name)
                )

    def test_it_refuses_messages_that_are_no_texts(self) -> None:
        image = {"type": "image_url", "image_url": {"url": "data:,"}}
        for message, code in (
            ({"role": "user", "content": [image]}, "unsupported_parameter"),
            ({"role": "assistant", "tool_calls": [{}]}, "unsupported_parameter"),
            ({"role": "tool", "content": "4"}, "invalid_input"),
            ({"role": ["user"], "content": "4"}, "invalid_input"),
            ({"role": "user"}, "invalid_input"),
            ({"role": "user", "content": [{"type": "text"}]}, "invalid_input"),
            ({"role": "user", "content": ["a"]}, "invalid_input"),
            ({"role": "user", "content": 4}, "invalid_input"),
            ({"role": "user", "content": "a", "name": 4}, "invalid_input"),
            ({"role": "user", "content": "a", "refusal": 4}, "invalid_input"),
            ({"content": "a"}, "invalid_input"),
            ("Hi!", "invalid_input"),
        ):
            with self.subTest(message=message):
                error = self.refusal(messages=[TALK[0], message])
                self.assertEqual((error["code"], error["param"]), (code, "messages"))
                self.assertIn("messages[1]", error["message"])
        for wrong in (list[object](), None, "Hi!"):
            self.assertEqual(self.refusal(messages=wrong)["param"], "messages")

    def test_it_refuses_what_contradicts_itself(self) -> None:
        self.refusal(max_tokens=5, max_completion_tokens=6)
        self.assertIn("logprobs", self.refusal(top_logprobs=3)["hint"])

    def test_it_says_in_its_own_names_what_does_not_fit(self) -> None:
        error = self.refusal(max_tokens=1023)

        self.assertEqual(error["param"], "max_completion_tokens")
        error = self.refusal(messages=[{"role": "user", "content": "x" * 2000}])
        self.assertEqual(
            (error["code"], error["param"]), ("context_length_exceeded", "messages")
        )


@pytest.mark.usefixtures("engine")
class RealEngineTests(OpenAiTestCase):
    """An answer of Neo-Tiny's weights, with the template beside a copy of them."""

    path = "/v1/chat/completions"
    body: dict[str, Any] = {"model": "neo-tiny", "messages": TALK, "temperature": 0}

    def setUp(self) -> None:
        super().setUp()
        models = Path(self.enterContext(TemporaryDirectory()))
        self.enterContext(override_settings(MODELS_DIR=models))
        self.folder = models / "neo-tiny"
        write_chat_checkpoint(self.folder)

    def test_it_answers_as_a_completion_of_the_rendered_text_would(self) -> None:
        (chat,) = self.answer(max_tokens=20)["choices"]

        self.path = "/v1/completions"
        self.body = {"model": "neo-tiny", "temperature": 0, "max_tokens": 20}
        text = "system: Be kind.\nuser: Hi!\nassistant:"
        (completion,) = self.answer(prompt=text)["choices"]
        self.assertEqual(chat["message"]["content"], completion["text"])

    def test_it_ends_with_the_token_that_ends_a_turn(self) -> None:
        (long,) = self.answer(max_tokens=80, logprobs=True)["choices"]
        end = long["logprobs"]["content"][5]["token"]
        write_chat_checkpoint(self.folder, end=end)

        (short,) = self.answer(max_tokens=80)["choices"]

        self.assertEqual(short["finish_reason"], "stop")
        text = short["message"]["content"]
        self.assertEqual(long["message"]["content"][: len(text)], text)
        self.assertNotIn(end, text)
