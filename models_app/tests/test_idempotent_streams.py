"""Streams under an `Idempotency-Key`, told again once they have come to their end."""

from __future__ import annotations

import json
from typing import Any

from asgiref.sync import async_to_sync
from django.core.signals import request_finished
from django.db import close_old_connections

from accounts import quota
from models_app.errors import EngineUnavailable
from models_app.idempotency.models import IdempotencyKey
from models_app.models import PredictionRecord
from models_app.tests.fakes import HELLO
from models_app.tests.test_asynchronous_api import CALL, PREDICT, ApiTestCase
from neuro_site.testing import Response, read_stream

STREAM = CALL | {"stream": True}


def events_of(response: Response) -> list[tuple[str, Any]]:
    content = (
        async_to_sync(read_stream)(response) if response.streaming else response.content
    )
    frames = [frame.split("\n") for frame in content.decode().strip().split("\n\n")]
    return [
        (name.removeprefix("event: "), json.loads(data.removeprefix("data: ")))
        for _, name, data in frames
    ]


class StreamTests(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        # As Django's test client does: the end of a response closes no connection.
        request_finished.disconnect(close_old_connections)
        self.addCleanup(request_finished.connect, close_old_connections)

    def stream(self, key: str = "order-66", **changes: Any) -> Response:
        return self.post(PREDICT, STREAM | changes, idempotency_key=key)

    def test_it_tells_the_same_answer_again_and_carries_it_out_once(self) -> None:
        told = events_of(self.stream())
        again = events_of(self.stream())

        self.assertEqual([name for name, _ in told].count("delta"), 2)
        self.assertEqual(
            [name for name, _ in again], ["started", "delta", "finished", "completed"]
        )
        self.assertEqual(again[0], told[0])
        self.assertEqual(again[1][1], {"index": 0, "text": "Hello", "token_count": 5})
        self.assertEqual(again[2:], told[-2:])
        record = PredictionRecord.objects.get()
        self.assertEqual(quota.status(self.alice).tokens_used, record.charged_tokens)

    def test_it_says_so_and_has_the_headers_of_a_stream(self) -> None:
        first = self.stream()
        events_of(first)
        second = self.stream()

        self.assertNotIn("Idempotent-Replayed", first)
        self.assertEqual(second["Idempotent-Replayed"], "true")
        for name in ("Content-Type", "X-Accel-Buffering", "x-prompt-tokens"):
            self.assertEqual(second[name], first[name])

    def test_it_refuses_the_key_while_the_stream_runs_and_for_another_call(
        self,
    ) -> None:
        running = self.stream()

        second, in_one_piece = self.stream(), self.stream(stream=False)

        self.assertEqual(second.json()["error"]["code"], "idempotency_key_in_use")
        self.assertEqual(in_one_piece.json()["error"]["code"], "idempotency_key_reuse")
        events_of(running)

    def test_it_begins_anew_what_was_cut_off(self) -> None:
        self.stream().close()

        self.assertFalse(IdempotencyKey.objects.exists())
        self.assertEqual(events_of(self.stream())[-1][0], "completed")
        statuses = PredictionRecord.objects.values_list("status", flat=True)
        self.assertEqual(sorted(statuses), ["aborted", "succeeded"])

    def test_it_begins_anew_what_failed_in_the_middle(self) -> None:
        self.backend.script = [HELLO[0], EngineUnavailable(retry_after=1)]
        self.assertEqual(events_of(self.stream())[-1][0], "error")

        self.backend.script = HELLO
        self.assertEqual(events_of(self.stream())[-1][0], "completed")

    def test_it_remembers_what_the_caller_did_wrong(self) -> None:
        first, second = (self.stream(parameters={"temprature": 1}) for _ in range(2))

        self.assertEqual((first.status_code, second.status_code), (400, 400))
        self.assertEqual(second["Idempotent-Replayed"], "true")

    def test_it_tells_details_again(self) -> None:
        asked = CALL["parameters"] | {"return_token_ids": True}  # type: ignore[operator]
        told = events_of(self.stream(parameters=asked))
        again = events_of(self.stream(parameters=asked))

        self.assertEqual(again[-1], told[-1])
        self.assertEqual(again[1][1]["token_ids"], again[2][1]["token_ids"])
