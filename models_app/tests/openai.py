"""What the tests of the OpenAI door have in common."""

from __future__ import annotations

import json
from typing import Any, cast

from asgiref.sync import async_to_sync
from django.http import StreamingHttpResponse

from models_app.models import PredictionRecord
from models_app.tests.fakes import (
    HELLO,
    FakeBackend,
    Scripted,
    logprob,
    token,
    use_backend,
)
from neuro_site.testing import BaseTestCase, Response, read_stream

SCORED = (
    token("H", logprobs=[logprob("H", "h")], prompt_logprobs=[None, logprob("b", "c")]),
    token("i", logprobs=[logprob("i", "i")]),
    token("", finish_reason="stop"),
)


COLUMNS: dict[str, list[Any]] = {
    "tokens": ["H", "i"],
    "token_logprobs": [-0.5, -0.5],
    "top_logprobs": [{"h": -1.0, "H": -0.5}, {"i": -0.5}],
    "text_offset": [0, 1],
}


ECHOED = {
    "tokens": ["a", "b", "H", "i"],
    "token_logprobs": [None, -0.5, -0.5, -0.5],
    "top_logprobs": [None, {"c": -1.0, "b": -0.5}, *COLUMNS["top_logprobs"]],
    "text_offset": [0, 1, 2, 3],
}


class OpenAiTestCase(BaseTestCase):
    path: str
    body: dict[str, Any]

    def call(self, *, api_token: str | None = None, **fields: Any) -> Response:
        return self.client.post(
            self.path,
            json.dumps(self.body | fields),
            content_type="application/json",
            headers=self.bearer(api_token or self.alice_api_token),
        )

    def answer(self, **fields: Any) -> dict[str, Any]:
        response = self.call(**fields)
        self.assertEqual(response.status_code, 200, response.content)
        return cast("dict[str, Any]", response.json())

    def refusal(self, **fields: Any) -> dict[str, Any]:
        response = self.call(**fields)
        self.assertEqual(response.status_code, 400, response.content)
        return cast("dict[str, Any]", response.json()["error"])

    def chunks(self, **fields: Any) -> list[dict[str, Any]]:
        """Of a stream that ends as it should."""
        *chunks, last = self.data_of(self.call(**fields, stream=True))
        self.assertEqual(last, "[DONE]")
        return [json.loads(chunk) for chunk in chunks]

    def data_of(self, response: Any) -> list[str]:
        assert isinstance(response, StreamingHttpResponse)
        content = async_to_sync(read_stream)(response)
        return [
            line.removeprefix("data: ")
            for line in content.decode().splitlines()
            if line.startswith("data: ")
        ]

    def record(self) -> PredictionRecord:
        return PredictionRecord.objects.get()


class CompletionTestCase(OpenAiTestCase):
    path = "/v1/completions"
    body = {"model": "neo-tiny", "prompt": "ab"}
    script: tuple[Scripted, ...] = HELLO

    def setUp(self) -> None:
        super().setUp()
        self.backend = self.enterContext(use_backend(FakeBackend(*self.script)))

    def play(self, *script: Scripted) -> None:
        self.backend.script = script
