from __future__ import annotations

import itertools
import json
from typing import Any
from urllib.parse import urlencode

from asgiref.sync import async_to_sync
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.api_tokens import issue_api_token
from accounts.models import Scope
from accounts.projects import create_project
from accounts.token_options import TokenOptions
from models_app.batches.models import Batch
from models_app.tasks import queue
from models_app.tests.batches import calls, jsonl
from models_app.tests.fakes import HELLO, FakeBackend, use_backend
from models_app.tests.queues import carry_out_all
from models_app.tests.usage import read
from models_app.webhooks.managing import add_webhook
from models_app.webhooks.models import WebhookDelivery
from neuro_site.testing import BaseTestCase, Response

URL = "/api/v1/batches"


class BatchApiTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        backend = use_backend(FakeBackend(*HELLO))
        backend.__enter__()
        self.addCleanup(backend.__exit__, None, None, None)

    def post(
        self, body: bytes, kind: str = "application/jsonl", plaintext: str = ""
    ) -> Response:
        headers = self.bearer(plaintext or self.bob_api_token)
        return self.client.generic(
            "POST", URL, body, content_type=kind, headers=headers
        )

    def create(self, count: int = 1) -> dict[str, Any]:
        response = self.post(jsonl(*calls(count)))
        self.assertEqual(response.status_code, 201, response.content)
        return dict(response.json())

    def get(self, url: str, plaintext: str = "") -> Response:
        headers = self.bearer(plaintext or self.bob_api_token)
        return self.client.get(url, headers=headers)

    def lines(self, response: Response) -> list[dict[str, Any]]:
        text = async_to_sync(read)(response)
        return [json.loads(line) for line in text.splitlines()]

    def code(self, response: Response, status: int) -> str:
        self.assertEqual(response.status_code, status, response.content)
        return str(response.json()["error"]["code"])


class CreateTests(BatchApiTestCase):
    def test_it_says_where_it_is_and_how_far(self) -> None:
        response = self.post(jsonl(*calls(2)))

        self.assertEqual(response.status_code, 201, response.content)
        body = response.json()
        self.assertEqual(response.headers["Location"], body["urls"]["get"])
        self.assertEqual(body["status"], "starting")
        self.assertEqual((body["lines"]["total"], body["lines"]["waiting"]), (2, 2))
        self.assertEqual(self.get(body["urls"]["get"]).json(), body)

    def test_it_takes_a_form_and_keeps_the_name_of_its_file(self) -> None:
        file = SimpleUploadedFile("night.jsonl", jsonl(*calls(1)))
        response = self.client.post(
            URL, {"file": file}, headers=self.bearer(self.bob_api_token)
        )

        self.assertEqual(response.status_code, 201, response.content)
        self.assertEqual(response.json()["name"], "night.jsonl")

    def upload(self, *, form: bool, **fields: str) -> Response:
        headers = self.bearer(self.bob_api_token)
        if form:
            file = SimpleUploadedFile("night.jsonl", jsonl(*calls(1)))
            return self.client.post(URL, {"file": file, **fields}, headers=headers)
        return self.client.generic(
            "POST",
            f"{URL}?{urlencode(fields)}",
            jsonl(*calls(1)),
            content_type="application/jsonl",
            headers=headers,
        )

    def test_it_tells_its_end_to_the_webhook_that_the_upload_names(self) -> None:
        project = self.bob.default_project
        webhook, _ = add_webhook(
            project=project, url="https://a.example/", events=["prediction.failed"]
        )
        for form, named in itertools.product(
            (True, False), ("https://b.example/?c=d", webhook.public_id)
        ):
            for event, count in (("batch.completed", 1), ("batch.expired", 0)):
                with self.subTest(form=form, named=named, event=event):
                    WebhookDelivery.objects.all().delete()
                    response = self.upload(
                        form=form,
                        webhook=named,
                        webhook_events_filter=f"batch.canceled,{event}",
                    )
                    self.assertEqual(response.status_code, 201, response.content)
                    claimed = queue.claim("worker-of-test", [queue.BATCHES])
                    assert claimed is not None
                    queue.carry_out(claimed)
                    told = WebhookDelivery.objects.all()
                    self.assertEqual([one.event for one in told], [event] * count)

    def test_it_refuses_a_webhook_that_cannot_be(self) -> None:
        for fields, param in (
            ({"webhook": "https://a.example/"}, "webhook"),  # Nothing would sign.
            ({"webhook": "a" * 24}, "webhook"),
            ({"webhook": "ftp://a.example/"}, "webhook"),
            ({"webhook_events_filter": "batch.completed"}, "webhook_events_filter"),
            ({"webhook_event": "batch.completed"}, "webhook_event"),
        ):
            for form in (True, False):
                with self.subTest(fields, form=form):
                    response = self.upload(form=form, **fields)
                    self.assertEqual(response.json()["error"]["param"], param)
        self.assertFalse(Batch.objects.exists())

    def test_it_takes_the_same_call_once(self) -> None:
        headers = {**self.bearer(self.bob_api_token), "Idempotency-Key": "night"}
        body = jsonl(*calls(1))
        for content, status in ((body, 201), (body, 201), (body * 2, 409)):
            answer = self.client.generic(
                "POST", URL, content, content_type="application/jsonl", headers=headers
            )
            self.assertEqual(answer.status_code, status, answer.content)
        self.assertEqual(Batch.objects.count(), 1)

    def test_it_tells_lines_that_are_wrong(self) -> None:
        response = self.post(jsonl(*calls(1), b"{\n"))

        self.assertEqual(self.code(response, 400), "invalid_batch")
        error = response.json()["error"]
        self.assertTrue(error["message"].startswith("Line 2: "))
        (line,) = error["lines"]
        self.assertEqual((line["line"], line["code"]), (2, "invalid_json"))
        self.assertNotIn("request_id", line)

    def test_it_refuses_what_is_no_file(self) -> None:
        body = jsonl(*calls(1))
        self.assertEqual(
            self.code(self.post(body, "application/json"), 415),
            "unsupported_media_type",
        )
        self.assertEqual(self.code(self.post(b""), 400), "invalid_input")
        form = self.client.post(
            URL, {"file": "no file"}, headers=self.bearer(self.bob_api_token)
        )
        self.assertEqual(self.code(form, 400), "invalid_input")

    def test_it_is_for_those_who_may(self) -> None:
        body = jsonl(*calls(1))
        by_alice = self.post(body, plaintext=self.alice_api_token)
        self.assertEqual(self.code(by_alice, 403), "tier_required")
        _, reader = issue_api_token(
            project=self.bob.default_project,
            name="reader",
            options=TokenOptions(scopes=[Scope.READ_USAGE]),
        )
        by_reader = self.post(body, plaintext=reader)
        self.assertEqual(self.code(by_reader, 403), "insufficient_scope")
        self.assertEqual(self.code(self.get(URL, reader), 403), "insufficient_scope")


class ReadTests(BatchApiTestCase):
    def test_it_streams_what_has_ended(self) -> None:
        batch = self.create(3)
        before = self.get(batch["urls"]["results"])
        self.assertEqual(self.lines(before), [])
        carry_out_all()
        response = self.get(batch["urls"]["results"])

        self.assertEqual(
            response.headers["Content-Type"], "application/jsonl; charset=utf-8"
        )
        lines = self.lines(response)
        self.assertEqual([one["line"] for one in lines], [1, 2, 3])
        self.assertEqual(
            set(lines[0]), {"custom_id", "line", "status", "prediction", "error"}
        )
        read = self.get(batch["urls"]["get"]).json()
        self.assertEqual((read["status"], read["lines"]["succeeded"]), ("completed", 3))
        self.assertIsNotNone(read["kept_until"])

    def test_it_lists_them_by_pages(self) -> None:
        ids = [self.create()["id"] for _ in range(3)]
        first = self.get(f"{URL}?limit=2").json()
        second = self.get(f"{URL}?limit=2&cursor={first['next_cursor']}").json()

        told = [one["id"] for page in (first, second) for one in page["batches"]]
        self.assertEqual(told, ids[::-1])
        self.assertIsNone(second["next_cursor"])
        self.assertEqual(self.get(f"{URL}?status=completed").json()["batches"], [])
        for query in ("cursor=x", "limit=0", "status=late", "stat=1"):
            self.assertEqual(self.get(f"{URL}?{query}").status_code, 400, query)

    def test_it_is_private_to_its_project(self) -> None:
        batch = self.create()
        project = create_project(user=self.bob, name="other")
        _, other = issue_api_token(project=project, name="other")
        for plaintext in (other, self.alice_api_token):
            for url in (batch["urls"]["get"], batch["urls"]["results"]):
                response = self.get(url, plaintext)
                self.assertEqual(self.code(response, 404), "batch_not_found")
            self.assertEqual(self.get(URL, plaintext).json()["batches"], [])


class CancelTests(BatchApiTestCase):
    def test_it_cancels(self) -> None:
        batch = self.create(2)
        response = self.client.post(
            batch["urls"]["cancel"], headers=self.bearer(self.bob_api_token)
        )

        self.assertEqual(response.json()["status"], "canceled")
        self.assertEqual(response.json()["lines"]["canceled"], 2)
        (line, _) = self.lines(self.get(batch["urls"]["results"]))
        self.assertEqual(line["status"], "canceled")

    def test_it_does_not_cancel_those_of_others(self) -> None:
        batch = self.create()
        response = self.client.post(
            batch["urls"]["cancel"], headers=self.bearer(self.alice_api_token)
        )

        self.assertEqual(self.code(response, 404), "batch_not_found")
        self.assertIsNone(Batch.objects.get().cancel_requested_at)
