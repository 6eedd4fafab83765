"""What the tests of the OpenAI door have in common."""

from __future__ import annotations

import json
from typing import Any, cast

from asgiref.sync import async_to_sync
from django.http import StreamingHttpResponse

from models_app.models import PredictionRecord
from neuro_site.testing import BaseTestCase, Response, read_stream


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
