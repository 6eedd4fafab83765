from __future__ import annotations

import json
from typing import Any

from django.test import override_settings

from models_app.tests.fakes import HELLO, FakeBackend, use_backend
from models_app.tests.queues import carry_out_all
from models_app.tests.receivers import receiving
from models_app.webhooks.secrets_of_projects import ensure_secret
from neuro_site.testing import BaseTestCase, Response


@override_settings(WEBHOOK_PRIVATE_ADDRESSES=True)
class CallTests(BaseTestCase):
    """`webhook` in the body of POST /api/v1/predictions."""

    def create(self, **fields: Any) -> Response:
        with use_backend(FakeBackend(*HELLO)):
            return self.client.post(
                "/api/v1/predictions",
                {"model": "neo-tiny", "inputs": "Say ", **fields},
                content_type="application/json",
                headers=self.bearer(self.alice_api_token),
            )

    def test_it_tells_the_webhook_of_the_call(self) -> None:
        ensure_secret(self.alice.default_project)
        with receiving() as receiver:
            created = self.create(
                webhook=receiver.url, webhook_events_filter=["prediction.succeeded"]
            )
            with use_backend(FakeBackend(*HELLO)):
                carry_out_all()

        self.assertEqual(created.status_code, 202, created.content)
        (received,) = receiver.received
        self.assertEqual(json.loads(received.body)["data"]["id"], created.json()["id"])

    def test_it_says_what_is_wrong_with_it(self) -> None:
        fine = "https://hooks.example/"
        cases: list[tuple[dict[str, Any], str, str]] = [
            ({"webhook": fine}, "webhook_secret_missing", "webhook"),
            ({"webhook": "ftp://hooks.example/"}, "invalid_input", "webhook"),
            (
                {"webhook": fine, "webhook_events_filter": ["start"]},
                "invalid_input",
                "webhook_events_filter",
            ),
            (
                {"webhook_events_filter": ["prediction.failed"]},
                "invalid_input",
                "webhook_events_filter",
            ),
        ]
        for fields, code, param in cases:
            with self.subTest(fields):
                error = self.create(**fields).json()["error"]
                self.assertEqual((error["code"], error["param"]), (code, param))
