"""`/v1/completions` in chunks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import msgspec

from models_app.backends.base import Generation, TokenEvent
from models_app.errors import EngineUnavailable
from models_app.tests.fakes import (
    HELLO,
    FakeBackend,
    token,
    use_backend,
)
from models_app.tests.openai import COLUMNS, ECHOED, SCORED, CompletionTestCase


class LateBackend(FakeBackend):
    """Tells the logprobs of a prompt to whom asked, and that one last."""

    async def generate(self, generation: Generation) -> AsyncGenerator[TokenEvent]:
        asked = generation.sampling.prompt_logprobs is not None
        for _ in range(20 if asked else 0):
            await asyncio.sleep(0)
            yield token("")
        async for event in super().generate(generation):
            told = event.prompt_logprobs if asked else []
            yield msgspec.structs.replace(event, prompt_logprobs=told)


class StreamTests(CompletionTestCase):
    def text_of(self, chunks: list[dict[str, Any]], index: int = 0) -> str:
        choices = [one for chunk in chunks for one in chunk["choices"]]
        return "".join(one["text"] for one in choices if one["index"] == index)

    def test_it_streams_chunks_and_says_when_it_is_done(self) -> None:
        chunks = self.chunks(seed=7)

        record = self.record()
        self.assertEqual(
            {chunk["id"] for chunk in chunks}, {f"cmpl-{record.public_id}"}
        )
        self.assertEqual({chunk["object"] for chunk in chunks}, {"text_completion"})
        self.assertEqual(self.text_of(chunks), "Hello")
        reasons = [chunk["choices"][0]["finish_reason"] for chunk in chunks]
        self.assertEqual(reasons, [None, None, "stop"])
        self.assertNotIn("usage", chunks[-1])

    def test_it_ends_with_usage_where_that_is_asked_for(self) -> None:
        *chunks, last = self.chunks(stream_options={"include_usage": True})

        self.assertEqual([chunk["usage"] for chunk in chunks], [None] * len(chunks))
        self.assertEqual(last["choices"], [])
        self.assertEqual(last["usage"]["total_tokens"], 7)

    def test_it_echoes_first(self) -> None:
        chunks = self.chunks(echo=True, n=2, prompt=["ab", "c"])

        self.assertEqual(self.text_of(chunks, 1), "abHello")
        self.assertEqual(self.text_of(chunks, 2), "cHello")

    def test_it_streams_logprobs_with_their_offsets(self) -> None:
        self.play(*SCORED)

        self.assertEqual(self.joined(self.chunks(logprobs=1), 0), COLUMNS)

    def test_it_streams_the_logprobs_of_an_echoed_prompt_before_all_others(
        self,
    ) -> None:
        with use_backend(LateBackend(*SCORED)):
            chunks = self.chunks(logprobs=1, echo=True, n=3)

        for index in range(3):
            self.assertEqual(self.text_of(chunks, index), "abHi")
            self.assertEqual(self.joined(chunks, index), ECHOED)

    def joined(self, chunks: list[dict[str, Any]], index: int) -> dict[str, list[Any]]:
        choices = [one for chunk in chunks for one in chunk["choices"]]
        parts = [
            one["logprobs"]
            for one in choices
            if one["index"] == index and one["logprobs"]
        ]
        return {name: [x for part in parts for x in part[name]] for name in COLUMNS}

    def test_it_streams_equal_choices_side_by_side(self) -> None:
        self.play(*SCORED)
        fields = {"temperature": 0, "n": 2, "logprobs": 1, "echo": True}
        chunks = self.chunks(prompt=["ab", "ab"], **fields)

        for index in range(4):
            self.assertEqual(self.text_of(chunks, index), "abHi")
            offsets = [
                offset
                for chunk in chunks
                for one in chunk["choices"]
                if one["index"] == index and one["logprobs"]
                for offset in one["logprobs"]["text_offset"]
            ]
            self.assertEqual(offsets, ECHOED["text_offset"])

    def test_it_tells_of_an_error_in_the_stream(self) -> None:
        self.play(*HELLO[:1], EngineUnavailable())

        *_, last = self.data_of(self.call(stream=True))

        self.assertIn('"code":"engine_unavailable"', last)
        self.assertEqual(self.record().status, "failed")
