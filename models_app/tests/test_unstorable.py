"""Characters that PostgreSQL does not take, wherever a caller can put one.

Run on both databases, see e2e/test_postgresql_and_redis.py.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from accounts.models import ApiToken, Scope
from models_app.asynchronous.models import AsyncPrediction
from models_app.asynchronous.stored import read_inputs, read_output
from models_app.models import PredictionRecord, PredictionTexts
from models_app.tests.fakes import FakeBackend, token, use_backend
from models_app.tests.queues import carry_out_all
from neuro_site.testing import BaseTestCase, Response

NUL, HALF_PAIR = "a\0b", "a\ud800b"
PREDICT = "/api/v1/models/neo-tiny/predict"
PAGES = ("/models/?", "/models/{}", "/usage/", "/dashboard/")


class UnstorableTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        ApiToken.objects.update(scopes=Scope.values)

    def post(self, path: str, body: dict[str, Any]) -> Response:
        # Escaped, as no client could send half a pair otherwise.
        return self.client.post(
            path,
            json.dumps(body),
            content_type="application/json",
            headers=self.bearer(self.alice_api_token),
        )

    def get(self, path: str) -> Response:
        return self.client.get(path, headers=self.bearer(self.alice_api_token))


class RefusalTests(UnstorableTestCase):
    def test_it_refuses_them_in_what_it_would_have_to_store_or_look_up(self) -> None:
        calls: list[tuple[str, dict[str, Any]]] = [
            ("/v1/completions", {"model": "{}", "prompt": "a"}),
            ("/v1/completions", {"model": "neo-tiny", "prompt": "a", "stop": "{}"}),
            ("/v1/completions", {"model": "neo-tiny", "prompt": "a", "{}": 1}),
            ("/v1/chat/completions", {"model": "{}", "messages": []}),
            (PREDICT, {"inputs": "a", "parameters": {"stop": ["{}"]}}),
            (PREDICT, {"inputs": "a", "parameters": {"bad_words": ["{}"]}}),
            (PREDICT, {"inputs": "a", "parameters": {"{}": 1}}),
            (PREDICT, {"inputs": [{"{}": "{}"}]}),
            ("/api/v1/predictions", {"model": "{}", "inputs": "a"}),
            (
                "/api/v1/predictions",
                {"model": "neo-tiny", "inputs": "a", "parameters": {"stop": "{}"}},
            ),
            ("/api/v1/tokens", {"name": "{}", "scopes": ["predict"]}),
            ("/api/v1/tokens", {"name": "a", "allowed_models": ["{}"]}),
            ("/SyncPredict", {"modelId": "{}", "data": "a"}),
            ("/SyncPredict", {"modelId": "neo-tiny", "data": "a", "project": "{}"}),
            ("/Token", {"token": self.alice_api_token, "project_name": "{}"}),
            (
                "/models/neo-tiny/generate",
                {"inputs": "a", "parameters": {"stop": ["{}"]}},
            ),
        ]
        with use_backend(FakeBackend(token("b", finish_reason="stop"))):
            for path, body in calls:
                for text in (NUL, HALF_PAIR):
                    with self.subTest(path=path, body=body, text=text):
                        response = self.post(path, _with(text, body))
                        self.assertIn(response.status_code, {400, 404}, response)
        self.assertFalse(PredictionRecord.objects.exists())

    def test_it_refuses_them_in_addresses(self) -> None:
        self.client.force_login(self.alice)
        for path in (
            "/api/v1/models/{}",
            "/v1/models/{}",
            "/api/v1/predictions/{}",
            "/api/v1/predictions/{}/stream",
            "/api/v1/predictions?project={}",
            "/api/v1/usage?project={}",
            "/models/{}/info",
            "/models/{}",
            "/models/?tag={}",
            "/status/{}",
            "/usage/requests/{}/",
            "/usage/requests/?project={}",
            "/dashboard/?project={}",
        ):
            with self.subTest(path):
                response = self.get(path.format(quote(NUL)))
                self.assertEqual(response.status_code, 400)
                if not path.startswith(PAGES):
                    self.assertIn(b"NUL", response.content)

    def test_it_refuses_them_in_the_playgrounds_form(self) -> None:
        self.client.force_login(self.alice)
        with use_backend(FakeBackend(token("b", finish_reason="stop"))):
            for name in ("project", "model"):
                form = {"prompt": "a", "model": "neo-tiny", name: NUL}
                response = self.client.post("/playground/stream", form)
                self.assertLess(response.status_code, 500)
        self.assertFalse(PredictionRecord.objects.exists())


class KeepingTests(UnstorableTestCase):
    def setUp(self) -> None:
        super().setUp()
        project = self.alice.default_project
        project.text_retention_days = 1
        project.save()

    def test_it_completes_a_prompt_with_a_nul_and_keeps_the_text(self) -> None:
        with use_backend(FakeBackend(token("\0c", finish_reason="stop"))):
            native = self.post(PREDICT, {"inputs": NUL})
            openai = self.post("/v1/completions", {"model": "neo-tiny", "prompt": NUL})
            tgi = self.post("/models/neo-tiny/generate", {"inputs": NUL})

        self.assertEqual(native.json()["predictions"][0]["text"], "\0c")
        self.assertEqual(openai.json()["choices"][0]["text"], "\0c")
        self.assertEqual(tgi.json()["generated_text"], "\0c")
        self.assertEqual(PredictionTexts.objects.count(), 3)

    def test_it_queues_one_and_writes_down_what_comes(self) -> None:
        body = {"model": "neo-tiny", "inputs": NUL}
        with use_backend(FakeBackend(token("\0c", finish_reason="stop"))):
            response = self.post("/api/v1/predictions", body)
            carry_out_all()

        self.assertEqual(response.status_code, 202)
        prediction = AsyncPrediction.objects.get()
        self.assertEqual(read_inputs(prediction), [NUL])
        output = read_output(prediction)
        assert output is not None
        self.assertEqual(output.completions[0].text, "\0c")


def _with(text: str, value: Any) -> Any:
    """The body with the text in place of each `{}`."""
    if isinstance(value, dict):
        return {_with(text, name): _with(text, one) for name, one in value.items()}
    if isinstance(value, list):
        return [_with(text, one) for one in value]
    return text if value == "{}" else value
