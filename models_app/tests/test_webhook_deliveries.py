from __future__ import annotations

import datetime
import json
from typing import Any
from unittest.mock import patch

from django.db.models import Q
from django.test import override_settings
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from accounts.closing import close_account
from accounts.errors import Conflict
from accounts.projects import archive_project, create_project
from models_app import services
from models_app.asynchronous import service
from models_app.asynchronous.models import AsyncPrediction
from models_app.errors import InvalidInput, WebhookSecretMissing
from models_app.models import PredictionSource
from models_app.tests.fakes import HELLO, FakeBackend, use_backend
from models_app.tests.queues import carry_out_all
from models_app.tests.receivers import Received, receiving
from models_app.webhooks import delivering, schedule
from models_app.webhooks.calls import webhook_of_call
from models_app.webhooks.managing import (
    MOST_OF_A_PROJECT,
    add_webhook,
    change_webhook,
    delete_webhook,
    resend,
)
from models_app.webhooks.models import (
    DeliveryStatus,
    WebhookAttempt,
    WebhookDelivery,
)
from models_app.webhooks.retention import LOG_DAYS, forget_deliveries
from models_app.webhooks.secrets_of_projects import (
    ensure_secret,
    renew_secret,
    secret_of,
)
from neuro_site.testing import BaseTestCase

A_DAY = datetime.timedelta(days=1)


@override_settings(WEBHOOK_PRIVATE_ADDRESSES=True)
class WebhookTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.project = self.alice.default_project

    def predict(self, **changes: Any) -> AsyncPrediction:
        """One that is done, with its webhooks in the queue."""
        caller = services.Caller(
            user=self.alice,
            project=self.project,
            source=PredictionSource.API,
            api_token=self.api_token_of(self.alice),
        )
        with use_backend(FakeBackend(*HELLO)):
            return service.create(
                caller=caller,
                language_model="neo-tiny",
                prompts=["Say "],
                parameters={"max_new_tokens": 20},
                **changes,
            )

    def carry_out(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            carry_out_all()

    def let_waiting_be_due(self) -> None:
        DBTaskResult.objects.update(run_after=timezone.now())
        self.carry_out()

    def verify(self, received: Received, secret: str) -> Any:
        """With the published package; raises where the signature does not fit."""
        return Verifier(secret).verify(received.body, received.headers)


class DeliveryTests(WebhookTestCase):
    def test_it_tells_the_end_of_a_prediction_signed(self) -> None:
        with receiving() as receiver:
            _, secret = add_webhook(project=self.project, url=receiver.url)
            assert secret is not None
            prediction = self.predict()
            self.carry_out()

        (received,) = receiver.received
        content = self.verify(received, secret)
        self.assertEqual(content["type"], "prediction.succeeded")
        self.assertEqual(content["data"]["id"], prediction.public_id)
        output = content["data"]["output"]
        self.assertEqual(output["predictions"][0]["text"], "Hello")
        self.assertEqual(received.headers["content-type"], "application/json")
        delivery = WebhookDelivery.objects.get()
        self.assertEqual(delivery.status, DeliveryStatus.DELIVERED)
        self.assertEqual(received.headers["webhook-id"], delivery.message_id)
        self.assertEqual(delivery.attempts.get().response_status, 204)
        self.assertFalse(DBTaskResult.objects.exists())

    def test_it_tells_the_webhook_that_the_call_named(self) -> None:
        secret = ensure_secret(self.project)
        assert secret is not None
        with receiving() as receiver:
            named = webhook_of_call(self.project, receiver.url, None)
            self.predict(webhook=named)
            self.carry_out()

        (received,) = receiver.received
        self.assertEqual(self.verify(received, secret)["type"], "prediction.succeeded")

    def test_it_tells_the_webhook_that_the_call_named_by_its_id_once(self) -> None:
        succeeded = "prediction.succeeded"
        with receiving() as receiver:
            webhook, _ = add_webhook(project=self.project, url=receiver.url)
            for of_webhook, of_call, times in (
                (["batch.completed"], None, 1),
                (["batch.completed"], [succeeded], 1),
                (["batch.completed"], ["prediction.failed"], 0),
                ([succeeded], [succeeded], 1),
            ):
                receiver.received.clear()
                change_webhook(webhook, events=of_webhook)
                named = webhook_of_call(self.project, webhook.public_id, of_call)
                self.predict(webhook=named)
                self.carry_out()
                self.assertEqual(len(receiver.received), times)

    def test_it_tells_only_what_is_wanted_and_nobody_elses(self) -> None:
        other = create_project(user=self.alice, name="Other")
        with receiving() as receiver:
            failed = ["prediction.failed"]
            add_webhook(project=self.project, url=receiver.url, events=failed)
            add_webhook(project=other, url=receiver.url)
            add_webhook(project=self.bob.default_project, url=receiver.url)
            named = webhook_of_call(self.project, receiver.url, failed)
            self.predict(webhook=named)
            self.carry_out()

        self.assertEqual(receiver.received, [])
        self.assertFalse(WebhookDelivery.objects.exists())

    def test_it_tells_a_cancellation(self) -> None:
        with receiving() as receiver:
            add_webhook(project=self.project, url=receiver.url)
            service.cancel(self.predict())
            self.carry_out()

        content = json.loads(receiver.received[0].body)
        self.assertEqual(content["type"], "prediction.canceled")
        self.assertIsNone(content["data"]["output"])

    def test_it_refuses_an_address_or_event_that_cannot_be(self) -> None:
        ensure_secret(self.project)
        of_another, _ = add_webhook(
            project=self.bob.default_project, url="https://a.example/"
        )
        for url, events in (
            ("ftp://a.example/", None),
            ("https://a.example/", ["prediction.begun"]),
            (None, ["prediction.failed"]),
            (of_another.public_id, None),
            ("a" * 24, None),
        ):
            with self.subTest(url), self.assertRaises(InvalidInput):
                webhook_of_call(self.project, url, events)
        with (
            override_settings(WEBHOOK_PRIVATE_ADDRESSES=False),
            self.assertRaises(InvalidInput),
        ):
            add_webhook(project=self.project, url="http://127.0.0.1/")

    def test_it_needs_a_secret_for_the_webhook_of_a_call(self) -> None:
        with self.assertRaises(WebhookSecretMissing):
            webhook_of_call(self.project, "https://a.example/", None)

    def test_it_bounds_the_webhooks_of_a_project(self) -> None:
        for number in range(MOST_OF_A_PROJECT):
            add_webhook(project=self.project, url=f"https://a.example/{number}")

        with self.assertRaises(Conflict):
            add_webhook(project=self.project, url="https://a.example/more")


class RetryTests(WebhookTestCase):
    def test_it_sends_again_what_was_not_taken_with_the_same_id_and_body(self) -> None:
        with receiving(500, 302, 404) as receiver:
            add_webhook(project=self.project, url=receiver.url)
            self.predict()
            self.carry_out()
            delivery = WebhookDelivery.objects.get()
            self.assertEqual(delivery.status, DeliveryStatus.PENDING)
            for _ in range(3):
                self.let_waiting_be_due()

        delivery.refresh_from_db()
        self.assertEqual(delivery.status, DeliveryStatus.DELIVERED)
        self.assertIsNone(delivery.next_attempt_at)
        answers = delivery.attempts.values_list("response_status", flat=True)
        self.assertEqual(list(answers), [500, 302, 404, 204])
        received = {(one.headers["webhook-id"], one.body) for one in receiver.received}
        self.assertEqual(len(received), 1)

    def test_it_waits_longer_each_time_and_ends(self) -> None:
        waits = [schedule.wait_after(failures) for failures in range(1, 10)]
        *given, last = waits
        seconds = [wait.total_seconds() for wait in given if wait]

        self.assertIsNone(last)
        self.assertEqual(len(seconds), 8)
        for wait, least in zip(seconds, schedule.WAITS, strict=True):
            self.assertTrue(least <= wait <= least * (1 + schedule.JITTER))
        longest = sum(schedule.WAITS) * (1 + schedule.JITTER)
        self.assertLess(longest, A_DAY.total_seconds())

    def test_it_waits_in_the_queue_until_the_next_attempt(self) -> None:
        with receiving(503) as receiver:
            add_webhook(project=self.project, url=receiver.url)
            self.predict()
            self.carry_out()

        task = DBTaskResult.objects.get()
        self.assertEqual(task.run_after, WebhookDelivery.objects.get().next_attempt_at)
        self.assertGreater(task.run_after, timezone.now())

    def test_it_gives_up_after_the_last_attempt(self) -> None:
        with receiving(*[500] * 9) as receiver:
            add_webhook(project=self.project, url=receiver.url)
            self.predict()
            for _ in range(12):
                self.let_waiting_be_due()

        self.assertEqual(len(receiver.received), 9)
        self.assertEqual(WebhookDelivery.objects.get().status, DeliveryStatus.FAILED)
        self.assertFalse(DBTaskResult.objects.exists())

    def test_it_sends_the_same_message_again_after_a_worker_that_died(self) -> None:
        with receiving() as receiver:
            add_webhook(project=self.project, url=receiver.url)
            self.predict()
            with patch.object(delivering, "_write_down", side_effect=SystemExit):
                self.assertRaises(SystemExit, self.carry_out)
            DBTaskResult.objects.update(status="READY")
            self.carry_out()

        first, second = receiver.received
        self.assertEqual(first.headers["webhook-id"], second.headers["webhook-id"])
        self.assertEqual(first.body, second.body)
        self.assertEqual(WebhookAttempt.objects.count(), 1)

    def test_it_stops_when_what_it_belongs_to_has_ended(self) -> None:
        other = create_project(user=self.alice, name="Other")
        off, _ = add_webhook(project=self.project, url="https://a.example/")
        gone, _ = add_webhook(project=self.project, url="https://b.example/")
        self.predict()
        with (
            use_backend(FakeBackend(*HELLO)),
            patch.object(delivering, "_send") as send,
        ):
            self.project = other
            add_webhook(project=other, url="https://c.example/")
            self.predict()
            service.cancel_all(Q(user=self.alice))
            change_webhook(off, is_enabled=False)
            delete_webhook(gone)
            archive_project(project=other)
            carry_out_all()
            send.assert_not_called()

        statuses = set(WebhookDelivery.objects.values_list("status", flat=True))
        self.assertEqual(statuses, {DeliveryStatus.FAILED})

    def test_it_forgets_everything_with_the_account(self) -> None:
        add_webhook(project=self.project, url="https://a.example/")
        with use_backend(FakeBackend(*HELLO)):
            service.cancel(self.predict())
            close_account(user=self.alice)
            carry_out_all()

        self.assertFalse(WebhookDelivery.objects.exists())
        self.assertFalse(WebhookAttempt.objects.exists())


class ResendTests(WebhookTestCase):
    def test_it_sends_the_same_message_once_more(self) -> None:
        with receiving() as receiver:
            add_webhook(project=self.project, url=receiver.url)
            self.predict()
            self.carry_out()
            resend(WebhookDelivery.objects.get())
            self.carry_out()

        first, second = receiver.received
        self.assertEqual(first.headers["webhook-id"], second.headers["webhook-id"])
        self.assertEqual(first.body, second.body)

    def test_it_takes_the_place_of_the_attempt_that_waits(self) -> None:
        with receiving(500) as receiver:
            add_webhook(project=self.project, url=receiver.url)
            self.predict()
            self.carry_out()
            resend(WebhookDelivery.objects.get())
            for _ in range(2):
                self.let_waiting_be_due()

        self.assertEqual(len(receiver.received), 2)

    def test_it_keeps_what_was_said_as_long_as_predictions(self) -> None:
        add_webhook(project=self.project, url="https://a.example/")
        service.cancel(self.predict())
        now = timezone.now()
        kept = WebhookDelivery.objects.filter(payload__gt="")

        forget_deliveries()
        self.assertTrue(kept.exists())
        WebhookDelivery.objects.update(created_at=now - A_DAY)
        forget_deliveries()
        self.assertFalse(kept.exists())
        with self.assertRaises(Conflict):
            resend(WebhookDelivery.objects.get())
        WebhookDelivery.objects.update(created_at=now - LOG_DAYS * A_DAY)
        forget_deliveries()
        self.assertFalse(WebhookDelivery.objects.exists())


class SecretTests(WebhookTestCase):
    def received_after(self, *graces: datetime.timedelta) -> tuple[Received, list[str]]:
        with receiving() as receiver:
            _, secret = add_webhook(project=self.project, url=receiver.url)
            assert secret is not None
            secrets = [secret]
            secrets += [renew_secret(self.project, grace=grace) for grace in graces]
            self.predict()
            self.carry_out()
        return receiver.received[0], secrets

    def test_it_signs_with_both_secrets_while_one_is_replaced(self) -> None:
        received, secrets = self.received_after(A_DAY)

        for secret in secrets:
            self.verify(received, secret)

    def test_it_signs_with_the_new_one_alone_without_grace(self) -> None:
        received, (old, new) = self.received_after(datetime.timedelta())

        self.verify(received, new)
        with self.assertRaises(WebhookVerificationError):
            self.verify(received, old)

    def test_it_ends_the_one_before_the_last_early(self) -> None:
        received, (oldest, *rest) = self.received_after(A_DAY, A_DAY)

        for secret in rest:
            self.verify(received, secret)
        with self.assertRaises(WebhookVerificationError):
            self.verify(received, oldest)

    def test_it_ends_the_grace_period(self) -> None:
        with receiving() as receiver:
            _, old = add_webhook(project=self.project, url=receiver.url)
            renew_secret(self.project, grace=A_DAY)
            secret = secret_of(self.project)
            assert secret is not None
            assert old is not None
            secret.previous_expires_at = timezone.now()
            secret.save()
            self.predict()
            self.carry_out()

        with self.assertRaises(WebhookVerificationError):
            self.verify(receiver.received[0], old)

    def test_it_keeps_no_secret_in_the_clear(self) -> None:
        plaintext = ensure_secret(self.project)
        secret = secret_of(self.project)

        assert plaintext is not None
        assert secret is not None
        self.assertTrue(plaintext.startswith("whsec_"))
        self.assertNotIn(plaintext.removeprefix("whsec_"), secret.sealed)
