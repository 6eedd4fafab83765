from __future__ import annotations

import json

from django.test import override_settings

from accounts.export import sections
from models_app.batches import service
from models_app.batches.models import Batch
from models_app.models import PredictionRecord
from models_app.tasks import queue
from models_app.tests.batches import PROMPT, BatchTestCase, calls
from models_app.tests.fakes import HELLO, FakeBackend, use_backend
from models_app.webhooks.managing import add_webhook
from models_app.webhooks.models import WebhookDelivery


class WebhookTests(BatchTestCase):
    def test_it_announces_its_end_with_what_came_of_it(self) -> None:
        add_webhook(project=self.bob.default_project, url="https://hooks.example/")
        with use_backend(FakeBackend(*HELLO)):
            batch = self.create(*calls(2))
            claimed = queue.claim("worker-of-test", [queue.BATCHES])
            assert claimed is not None
            queue.carry_out(claimed)

        delivery = WebhookDelivery.objects.get()
        self.assertEqual(delivery.event, "batch.completed")
        told = json.loads(delivery.payload)["data"]
        self.assertEqual(told["id"], batch.public_id)
        self.assertEqual(told["lines"]["succeeded"], 2)


class KeepingTests(BatchTestCase):
    def test_it_is_deleted_when_its_days_are_over(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            batch = self.run_batch()
            service.delete_expired()
            self.assertTrue(Batch.objects.exists())
            with override_settings(KEEP_BATCHES_DAYS=0):
                service.delete_expired()

        self.assertFalse(Batch.objects.filter(pk=batch.pk).exists())
        self.assertTrue(PredictionRecord.objects.exists())

    def test_its_owner_gets_it_with_the_export(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            self.run_batch()
        found = {section.name: list(section.rows(self.bob)) for section in sections()}

        self.assertEqual(found["batches"][0]["status"], "completed")
        (line,) = found["batch_lines"]
        self.assertEqual(line["inputs"], [PROMPT])
        self.assertEqual(line["prediction"]["predictions"][0]["text"], "Hello")
