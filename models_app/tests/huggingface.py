"""What the tests of the Hugging Face door have in common."""

from __future__ import annotations

import json
from typing import Any

from asgiref.sync import async_to_sync

from models_app.tests.fakes import FakeBackend, logprob, token, use_backend
from neuro_site.testing import BaseTestCase, Response, read_stream

URL = "/models/neo-tiny"


HELLO = (
    token(
        "Hel", queue_seconds=0.002, logprobs=[logprob(one, "x", "y") for one in "Hel"]
    ),
    token(
        "lo",
        logprobs=[logprob(one, "x", "y") for one in "lo"],
        finish_reason="length",
    ),
)


class HuggingFaceTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.backend = FakeBackend(*HELLO)

    def call(
        self,
        inputs: object = "Say ",
        route: str = "",
        api_token: str | None = None,
        body: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        **parameters: Any,
    ) -> Response:
        call = {"inputs": inputs, "parameters": parameters} | (body or {})
        with use_backend(self.backend):
            return self.client.post(
                URL + route,
                json.dumps(call),
                content_type="application/json",
                headers=self.bearer(api_token or self.alice_api_token)
                | (headers or {}),
            )

    def generate(self, **parameters: Any) -> dict[str, Any]:
        response = self.call(route="/generate", **parameters)
        self.assertEqual(response.status_code, 200, response.content)
        answer: dict[str, Any] = response.json()
        return answer

    def events(self, response: Response) -> list[dict[str, Any]]:
        with use_backend(self.backend):
            content = async_to_sync(read_stream)(response).decode()
        return [
            json.loads(line.removeprefix("data: "))
            for line in content.splitlines()
            if line.startswith("data: ")
        ]

    def error(self, response: Response, status: int) -> dict[str, Any]:
        self.assertEqual(response.status_code, status, response.content)
        body: dict[str, Any] = response.json()
        self.assertIsInstance(body["error"], str)
        self.assertEqual(body["request_id"], response["X-Request-Id"])
        return body
