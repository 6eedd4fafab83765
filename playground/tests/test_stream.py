from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from django.http import StreamingHttpResponse

from accounts import quota
from models_app.errors import GenerationFailed, ModelLoading
from models_app.models import PredictionRecord
from models_app.tests.fakes import (
    BEAMS,
    HELLO,
    FakeBackend,
    logprob,
    token,
    use_backend,
)
from neuro_site.testing import BaseTestCase
from playground.tests.forms import filled_form

URL = "/playground/stream"
Event = tuple[str, dict[str, Any]]


class StreamTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(self.alice)
        self.async_client.force_login(self.alice)

    async def events(self, **changes: object) -> list[Event]:
        response = await self.async_client.post(URL, filled_form(**changes))
        self.assertEqual(response["Content-Type"], "text/event-stream; charset=utf-8")
        chunks = cast("StreamingHttpResponse", response).streaming_content
        assert isinstance(chunks, AsyncIterator)
        return [_parse(chunk.decode()) async for chunk in chunks]


class StreamTests(StreamTestCase):
    async def test_it_tells_a_run_from_start_to_end(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            started, first, second, finished, completed = await self.events()

        about = {"seed": 7, "prompt_tokens": 4, "sequences": 1}
        self.assertEqual(started, ("started", about))
        self.assertEqual(first, ("text", {"index": 0, "text": "Hel", "tokens": 3}))
        self.assertEqual(second, ("text", {"index": 0, "text": "lo", "tokens": 5}))
        self.assertEqual(finished[1]["outcome"], "The model ended the text here.")
        name, data = completed
        self.assertEqual(name, "completed")
        self.assertEqual(data["outcome"], "The model ended the text here.")
        self.assertEqual((data["seed"], data["completion_tokens"]), (7, 5))
        self.assertGreaterEqual(data["duration_ms"], data["ttft_ms"])

    async def test_it_tells_several_completions_apart(self) -> None:
        with use_backend(FakeBackend(*BEAMS)):
            events = await self.events(num_beams=4, num_return_sequences=2)

        self.assertEqual(events[0][1]["sequences"], 2)
        self.assertEqual(
            [data["text"] for name, data in events if name == "text"], ["Hi", "Ho"]
        )
        self.assertEqual(
            [
                (data["index"], data["tokens"], data["score"])
                for name, data in events
                if name == "finished"
            ],
            [(0, 2, -0.25), (1, 2, -0.5)],
        )
        self.assertIn("2 completions", events[-1][1]["outcome"])

    async def test_it_tells_how_likely_tokens_were_where_the_form_asks(self) -> None:
        script = (
            token("H", logprobs=[logprob("H", "h")]),
            token("", finish_reason="stop"),
        )
        with use_backend(FakeBackend(*script)):
            _, (_, asked), *_ = await self.events(logprobs=1)
            _, (_, unasked), *_ = await self.events()

        detail = {"text": "H", "logprob": -0.5, "rank": 1, "alternatives": [["h", -1]]}
        self.assertEqual(asked["details"], [detail])
        self.assertNotIn("details", unasked)

    async def test_it_shows_the_stop_sequence_as_the_form_does(self) -> None:
        end = token("", finish_reason="stop", stop_sequence="\n")
        with use_backend(FakeBackend(token("Hi"), end)):
            events = await self.events(stop=r"\n")

        self.assertEqual(
            events[-1][1]["outcome"], r"Ended before the stop sequence “\n”."
        )

    async def test_it_ends_with_an_error_that_says_what_to_do(self) -> None:
        with use_backend(FakeBackend(token("Hi"), GenerationFailed(hint="Try again."))):
            events = await self.events()

        name, data = events[-1]
        self.assertEqual((name, data["code"]), ("error", "generation_failed"))
        self.assertEqual(data["hint"], "Try again.")


class RefusalTests(StreamTestCase):
    def refusal(self, status: int, **changes: object) -> dict[str, str]:
        response = self.client.post(URL, filled_form(**changes))
        self.assertEqual(response.status_code, status)
        error: dict[str, str] = response.json()["error"]
        return error

    def test_it_names_the_parameter_that_is_wrong(self) -> None:
        with use_backend(FakeBackend()):
            error = self.refusal(400, top_p="2")

        self.assertEqual(
            (error["code"], error["param"]), ("invalid_parameter", "top_p")
        )

    def test_it_links_the_tiers_when_the_tier_is_too_low(self) -> None:
        error = self.refusal(403, model="gpt-neo-2.7b")

        self.assertEqual((error["code"], error["link"]), ("tier_required", "/tiers/"))

    def test_it_links_the_tiers_when_the_quota_is_used_up(self) -> None:
        self.alice.staff_limits = {"tokens_per_day": 50_000}
        self.alice.save()
        quota.reserve(user=self.alice, tokens=50_000)

        with use_backend(FakeBackend()):
            error = self.refusal(429)

        self.assertEqual(
            (error["code"], error["link"]), ("insufficient_quota", "/tiers/")
        )

    def test_it_says_how_long_to_wait_to_who_sees_no_headers(self) -> None:
        self.alice.staff_limits = {"requests_per_minute": 1}
        self.alice.save()
        with use_backend(FakeBackend()):
            self.client.post(URL, filled_form())
            error = self.refusal(429)

        self.assertRegex(error["hint"], r"^Wait \d+ seconds?, or ")
        self.assertEqual(error["link"], "/tiers/")

    def test_it_says_that_a_model_is_loading(self) -> None:
        with use_backend(FakeBackend(unready=ModelLoading())):
            self.assertEqual(self.refusal(503)["code"], "model_loading")

    def test_it_names_the_command_that_installs_missing_weights(self) -> None:
        error = self.refusal(503, model="gpt-neo-125m")

        self.assertIn("manage.py models pull gpt-neo-125m", error["hint"])

    def test_it_writes_nothing_for_a_refused_call(self) -> None:
        with use_backend(FakeBackend()):
            self.refusal(400, prompt="")

        self.assertFalse(PredictionRecord.objects.exists())
        self.assertEqual(quota.status(self.alice).tokens_reserved, 0)

    def test_it_wants_the_form_s_own_csrf_token(self) -> None:
        strict = self.client_class(enforce_csrf_checks=True)
        strict.force_login(self.alice)

        self.assertEqual(strict.post(URL, filled_form()).status_code, 403)


@pytest.mark.usefixtures("engine")
class RealEngineTests(StreamTestCase):
    async def test_it_streams_the_same_text_for_the_same_seed(self) -> None:
        texts = [
            "".join(data.get("text", "") for _, data in await self.events(prompt="The"))
            for _ in range(2)
        ]

        self.assertTrue(texts[0])
        self.assertEqual(texts[0], texts[1])


def _parse(chunk: str) -> Event:
    fields = dict(line.split(": ", 1) for line in chunk.strip().splitlines())
    return fields["event"], json.loads(fields["data"])
