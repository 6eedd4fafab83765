from __future__ import annotations

import json
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from django.core.signals import request_finished
from django.db import close_old_connections
from django.http import JsonResponse
from django.test import SimpleTestCase

from accounts import quota
from accounts.errors import ApplicationError
from models_app import services
from models_app.errors import Overloaded
from models_app.models import PredictionRecord, PredictionSource
from models_app.predictions import PredictEvent, TextDelta
from models_app.sse import (
    EventStreamResponse,
    Frame,
    event_stream_response,
    format_event,
)
from models_app.tests.fakes import HELLO, FakeBackend, token, use_backend
from neuro_site.testing import BaseTestCase, read_stream


class FormatEventTests(SimpleTestCase):
    def test_it_writes_one_frame(self) -> None:
        frame = format_event({"a": 1}, event="delta", event_id=3)

        self.assertEqual(frame, b'id: 3\nevent: delta\ndata: {"a":1}\n\n')

    def test_it_keeps_text_on_one_line_and_readable(self) -> None:
        hostile = "a\nb\r\ndata: x\n\nevent: error\u2028é"

        frame = format_event({"text": hostile}).decode()

        self.assertEqual(frame.count("\n"), 2)
        self.assertIn("é", frame)
        self.assertEqual(json.loads(frame.removeprefix("data: "))["text"], hostile)


def render(event: PredictEvent) -> list[Frame]:
    return [("delta", event.text)] if isinstance(event, TextDelta) else []


def refuse(error: ApplicationError) -> JsonResponse:
    return JsonResponse({"refused": error.code}, status=error.status_code)


class EventStreamResponseTests(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        # As Django's test client does: the end of a response closes no connection.
        request_finished.disconnect(close_old_connections)
        self.addCleanup(request_finished.connect, close_old_connections)

    def respond(self) -> EventStreamResponse:
        admission = services.admit(
            caller=services.Caller(
                user=self.alice,
                project=self.alice.default_project,
                source=PredictionSource.API,
            ),
            language_model="neo-tiny",
            prompts=["Say "],
            parameters={},
        )
        return event_stream_response(admission, render, refuse)

    def status(self) -> Any:
        return PredictionRecord.objects.get().status

    def reserved(self) -> int:
        return quota.status(self.alice).tokens_reserved

    def test_it_sends_what_the_door_renders_with_rising_ids(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            response = self.respond()
            content = async_to_sync(read_stream)(response).decode()

        self.assertEqual(
            content,
            'id: 1\nevent: delta\ndata: "Hel"\n\nid: 2\nevent: delta\ndata: "lo"\n\n',
        )
        self.assertEqual(self.status(), "succeeded")

    def test_it_is_over_once_all_was_said(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            response = self.respond()
            was_over = response.is_over
            async_to_sync(read_stream)(response)

        self.assertEqual((was_over, response.is_over), (False, True))

    async def test_it_begins_once_the_engine_has_taken_the_call_in(self) -> None:
        with use_backend(FakeBackend(token(""), *HELLO)) as backend:
            response = await sync_to_async(self.respond)()
            begun = await response.begin()
            has_asked = len(backend.generations)
            content = await read_stream(response)

        self.assertIs(begun, response)
        self.assertEqual(has_asked, 1)
        self.assertEqual(content.count(b"id: "), 2)

    async def test_it_becomes_a_refusal_where_the_engine_takes_nothing_in(self) -> None:
        with use_backend(FakeBackend(Overloaded(retry_after=2))):
            response = await sync_to_async(self.respond)()
            response.headers["X-Request-Id"] = "of-middleware"
            refusal: Any = await response.begin()

        self.assertEqual(refusal.status_code, 503)
        self.assertEqual(json.loads(refusal.content), {"refused": "overloaded"})
        self.assertEqual(refusal["X-Request-Id"], "of-middleware")
        self.assertEqual(refusal["Content-Type"], "application/json")
        self.assertNotIn("x-prompt-tokens", refusal)
        self.assertTrue(response.is_over)
        status, reserved = (
            await sync_to_async(self.status)(),
            await sync_to_async(self.reserved)(),
        )
        self.assertEqual((status, reserved), ("failed", 0))

    def test_it_tells_proxies_not_to_hold_it_back(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            response = self.respond()
            response.close()

        self.assertEqual(response["Cache-Control"], "no-cache")
        self.assertEqual(response["X-Accel-Buffering"], "no")

    def test_it_gives_the_reservation_back_when_nobody_ever_listened(self) -> None:
        with use_backend(FakeBackend(*HELLO)) as backend:
            self.respond().close()

        self.assertEqual((self.status(), self.reserved()), ("aborted", 0))
        self.assertEqual(backend.generations, [])

    async def test_it_ends_the_prediction_when_the_response_is_closed_early(
        self,
    ) -> None:
        with use_backend(FakeBackend(*HELLO)) as backend:
            response = await sync_to_async(self.respond)()
            await anext(aiter(response.streaming_content))  # type: ignore[arg-type]
            await sync_to_async(response.close)()

        status, reserved = (
            await sync_to_async(self.status)(),
            await sync_to_async(self.reserved)(),
        )
        self.assertEqual((status, reserved), ("aborted", 0))
        self.assertEqual(backend.closed, 1)
