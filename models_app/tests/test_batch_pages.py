from __future__ import annotations

import json

from asgiref.sync import async_to_sync
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import Project
from accounts.projects import create_project
from models_app.batches import service
from models_app.batches.models import Batch
from models_app.tests.batches import CALL, calls, jsonl
from models_app.tests.fakes import HELLO, FakeBackend, use_backend
from models_app.tests.queues import carry_out_all
from models_app.tests.usage import read
from models_app.webhooks.managing import add_webhook, change_webhook
from models_app.webhooks.models import Webhook
from neuro_site.testing import BaseTestCase, Response

URL = "/usage/batches/"


class BatchPagesTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.client.force_login(self.bob)
        backend = use_backend(FakeBackend(*HELLO))
        backend.__enter__()
        self.addCleanup(backend.__exit__, None, None, None)

    def upload(self, *lines: object, **fields: str) -> Response:
        file = SimpleUploadedFile("night.jsonl", jsonl(*lines))
        return self.client.post(URL, {"file": file, **fields})

    def batch(self, *lines: object) -> Batch:
        response = self.upload(*(lines or calls(2)))
        self.assertEqual(response.status_code, 302, response.content)
        return Batch.objects.get()

    def test_it_tells_that_there_is_none_yet(self) -> None:
        self.assertContains(self.client.get(URL), "No batches yet")

    def test_it_names_the_tier_that_has_batches(self) -> None:
        self.client.force_login(self.alice)

        page = self.client.get(URL)
        self.assertContains(page, "Batches need the Premium tier")
        self.assertNotContains(page, 'type="file"')
        self.assertEqual(self.upload(*calls(1)).status_code, 403)

    def test_it_uploads_a_file_and_shows_how_far_it_is(self) -> None:
        batch = self.batch()
        address = f"{URL}{batch.public_id}/"
        self.assertContains(self.client.get(address), "every 2s")
        carry_out_all()

        page = self.client.get(address)
        self.assertContains(page, "night.jsonl")
        self.assertContains(page, "2 of 2")
        self.assertNotContains(page, "every 2s")
        self.assertContains(self.client.get(URL), "2 of 2")

    def test_it_charges_the_project_that_is_chosen(self) -> None:
        self.assertNotContains(self.client.get(URL), 'name="project"')
        project = create_project(user=self.bob, name="other")
        self.upload(*calls(1), project=project.public_id)

        self.assertEqual(Batch.objects.get().project, project)

    def webhook(self, project: Project, url: str = "https://hooks.example/") -> Webhook:
        webhook, _ = add_webhook(project=project, url=url, events=["batch.expired"])
        return webhook

    def test_it_offers_webhooks_where_there_are_some_that_are_on(self) -> None:
        self.assertNotContains(self.client.get(URL), 'name="webhook"')
        webhook = self.webhook(self.bob.default_project)
        self.webhook(self.alice.default_project, "https://alice.example/")
        page = self.client.get(URL)
        self.assertContains(page, "https://hooks.example/")
        self.assertNotContains(page, "alice.example")
        self.assertNotContains(page, "optgroup")

        change_webhook(webhook, is_enabled=False)
        self.assertNotContains(self.client.get(URL), 'name="webhook"')

    def test_it_tells_the_webhook_that_is_chosen_how_the_batch_ends(self) -> None:
        webhook = self.webhook(self.bob.default_project)
        self.upload(*calls(1), webhook=webhook.public_id)
        batch = Batch.objects.get()
        self.assertContains(
            self.client.get(f"{URL}{batch.public_id}/"), "https://hooks.example/"
        )
        service.cancel(batch)

        (delivery,) = webhook.deliveries.all()
        self.assertEqual(delivery.event, "batch.canceled")

    def test_the_webhook_is_one_of_the_chosen_project(self) -> None:
        project = create_project(user=self.bob, name="other")
        webhook = self.webhook(project)
        self.assertContains(self.client.get(URL), '<optgroup label="other">')

        refused = self.upload(*calls(1), webhook=webhook.public_id)
        self.assertContains(refused, "not of the project “Default”", status_code=400)
        taken = self.upload(
            *calls(1), webhook=webhook.public_id, project=project.public_id
        )
        self.assertEqual(taken.status_code, 302, taken.content)

    def test_it_shows_every_line_that_is_wrong(self) -> None:
        page = self.upload(*calls(1), b"{\n", {"custom_id": "a", **CALL, "inputs": 3})

        self.assertContains(page, "Line 2: ", status_code=400)
        self.assertContains(page, "Line 3: inputs must be", status_code=400)
        self.assertFalse(Batch.objects.exists())

    def test_it_asks_for_a_file(self) -> None:
        self.assertContains(self.client.post(URL), "required", status_code=400)

    def test_it_shows_the_lines_that_failed_and_why(self) -> None:
        batch = self.batch({"custom_id": "long", **CALL, "inputs": "x" * 64})
        carry_out_all()

        page = self.client.get(f"{URL}{batch.public_id}/")
        self.assertContains(page, "Lines that failed")
        self.assertContains(page, "neo-tiny has room for 64")

    def test_it_hands_the_results_out(self) -> None:
        batch = self.batch()
        carry_out_all()
        response = self.client.get(f"{URL}{batch.public_id}/results/")

        self.assertIn("attachment", response.headers["Content-Disposition"])
        lines = async_to_sync(read)(response).splitlines()
        self.assertEqual(json.loads(lines[1])["custom_id"], "call 2")

    def test_it_cancels(self) -> None:
        batch = self.batch()
        self.client.post(f"{URL}{batch.public_id}/cancel/")

        page = self.client.get(f"{URL}{batch.public_id}/")
        self.assertContains(page, "Canceled")
        self.assertNotContains(page, "/cancel/")
