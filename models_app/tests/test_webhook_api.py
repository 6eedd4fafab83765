from __future__ import annotations

import datetime
import json
from typing import Any

from django.core import mail
from django.test import override_settings
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from standardwebhooks.webhooks import Webhook as Verifier

from accounts import mailing, rate_limits
from accounts.api_tokens import issue_api_token
from accounts.audit import sentence_of
from accounts.token_options import TokenOptions
from models_app.idempotency.models import IdempotencyKey
from models_app.tests.queues import carry_out_all
from models_app.tests.receivers import receiving
from models_app.webhooks.announcing import announce
from models_app.webhooks.models import Webhook, WebhookDelivery
from neuro_site.testing import BaseTestCase, Response

URL = "https://hooks.example/"
EVENT = "prediction.succeeded"


@override_settings(WEBHOOK_PRIVATE_ADDRESSES=True)
class WebhookApiTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.project = self.alice.default_project
        _, plaintext = issue_api_token(
            project=self.project,
            name="manager",
            options=TokenOptions(scopes=["manage:webhooks"]),
        )
        self.headers = self.bearer(plaintext)

    def ask(self, method: str, path: str = "", /, **body: Any) -> Response:
        response: Response = self.client.generic(
            method.upper(),
            f"/api/v1/webhooks{path}",
            json.dumps(body) if method in ("post", "patch") else "",
            content_type="application/json",
            headers=self.headers,
        )
        return response

    def add(self, url: str = URL, **fields: Any) -> Any:
        response = self.ask("post", url=url, **fields)
        self.assertEqual(response.status_code, 201, response.content)
        return response.json()

    def announce(self, times: int = 1) -> None:
        for number in range(times):
            announce(
                project=self.project,
                event=EVENT,
                subject=f"{number:024}",
                data=lambda: {"a": 1},
            )


class ManagingTests(WebhookApiTestCase):
    def test_it_shows_the_secret_with_the_first_webhook_alone(self) -> None:
        first, second = self.add(), self.add(events=[EVENT])

        self.assertTrue(first["secret"].startswith("whsec_"))
        self.assertIsNone(second["secret"])
        self.assertEqual(second["events"], [EVENT])
        listed = self.ask("get").content.decode()
        self.assertNotIn("whsec_", listed)
        self.assertEqual(len(json.loads(listed)["webhooks"]), 2)

    def test_it_changes_what_is_named_and_deletes(self) -> None:
        path = f"/{self.add(events=[EVENT])['id']}"
        changed = self.ask("patch", path, is_enabled=False).json()
        self.assertEqual((changed["is_enabled"], changed["events"]), (False, [EVENT]))
        self.assertEqual(changed["disabled_by"], "owner")
        changed = self.ask("patch", path, is_enabled=True, events=[], url=URL + "a")
        self.assertEqual(changed.json()["events"], [])
        self.assertEqual(self.ask("get", path).json()["url"], URL + "a")

        self.assertEqual(self.ask("delete", path).status_code, 204)
        self.assertEqual(self.ask("get", path).status_code, 404)

    def test_it_keeps_what_a_webhook_is_for(self) -> None:
        path = f"/{self.add(description='to the wiki')['id']}"

        self.assertEqual(self.ask("get", path).json()["description"], "to the wiki")
        self.ask("patch", path, description="")
        self.assertEqual(self.ask("get", path).json()["description"], "")

    def test_it_adds_once_what_comes_again_with_its_key(self) -> None:
        self.headers["Idempotency-Key"] = "first"
        first, again = self.ask("post", url=URL), self.ask("post", url=URL)

        self.assertEqual(first.status_code, again.status_code)
        self.assertEqual(first.json(), again.json())
        self.assertEqual(again.headers["Idempotent-Replayed"], "true")
        self.assertEqual(Webhook.objects.count(), 1)
        kept = IdempotencyKey.objects.get().answer
        self.assertNotIn(first.json()["secret"], kept)

    def test_it_replaces_the_secret_once_under_a_key(self) -> None:
        self.headers["Idempotency-Key"] = "first"
        told = [self.ask("post", "/secret", grace_seconds=60).json() for _ in "ab"]

        self.assertEqual(told[0], told[1])
        self.assertIsNone(told[0]["rotated_at"])

    def test_it_says_what_is_wrong(self) -> None:
        path = f"/{self.add()['id']}"
        cases: list[tuple[dict[str, Any], str]] = [
            ({}, "url"),
            ({"url": "ftp://hooks.example"}, "url"),
            ({"url": URL, "events": ["webhook.test"]}, "events"),
            ({"url": URL, "event": []}, "event"),
        ]
        for body, param in cases:
            with self.subTest(body):
                response = self.ask("post", **body)
                self.assertEqual(response.status_code, 400)
                self.assertIn(param, response.json()["error"]["param"])
        self.assertEqual(self.ask("patch", path, url="//a").status_code, 400)
        self.assertEqual(self.ask("post", "/secret", grace_seconds=-1).status_code, 400)

    def test_it_is_open_to_the_scope_alone(self) -> None:
        self.headers = self.bearer(self.alice_api_token)

        response = self.ask("get")
        self.assertEqual(response.status_code, 403)
        self.assertEqual(response.json()["error"]["code"], "insufficient_scope")

    def test_it_replaces_the_secret_with_a_grace_period(self) -> None:
        self.assertIsNone(self.ask("get", "/secret").json()["created_at"])
        with receiving() as receiver:
            secrets = [self.add(receiver.url)["secret"]]
            renewed = self.ask("post", "/secret", grace_seconds=3600).json()
            secrets.append(renewed["secret"])
            self.announce()
            carry_out_all()

        (received,) = receiver.received
        for secret in secrets:
            Verifier(secret).verify(received.body, received.headers)
        told = self.ask("get", "/secret").json()
        self.assertNotIn("secret", told)
        self.assertEqual(told["previous_expires_at"], renewed["previous_expires_at"])


class LogTests(WebhookApiTestCase):
    def test_it_tells_every_attempt_with_status_and_duration(self) -> None:
        with receiving(500) as receiver:
            webhook = self.add(receiver.url)["id"]
            self.announce()
            carry_out_all()

        (listed,) = self.ask("get", "/deliveries").json()["deliveries"]
        self.assertEqual((listed["status"], listed["webhook"]), ("pending", webhook))
        self.assertIsNotNone(listed["next_attempt_at"])
        told = self.ask("get", f"/deliveries/{listed['id']}").json()
        (attempt,) = told["attempts"]
        self.assertEqual(attempt["response_status"], 500)
        self.assertGreaterEqual(attempt["duration_ms"], 0)
        self.assertEqual(told["payload"], receiver.received[0].body.decode())

    def test_it_sends_once_more_what_was_delivered(self) -> None:
        with receiving() as receiver:
            self.add(receiver.url)
            self.announce()
            carry_out_all()
            (listed,) = self.ask("get", "/deliveries").json()["deliveries"]
            response = self.ask("post", f"/deliveries/{listed['id']}/resend")
            carry_out_all()

        self.assertEqual(response.status_code, 202)
        ids = {one.headers["webhook-id"] for one in receiver.received}
        self.assertEqual(ids, {f"msg_{listed['id']}"})
        self.assertEqual(len(receiver.received), 2)

    def test_it_refuses_to_send_what_cannot_be_sent(self) -> None:
        path = f"/{self.add()['id']}"
        self.announce()
        (listed,) = self.ask("get", "/deliveries").json()["deliveries"]
        self.ask("patch", path, is_enabled=False)

        for refused in (f"{path}/test", f"/deliveries/{listed['id']}/resend"):
            with self.subTest(refused):
                self.assertEqual(self.ask("post", refused).status_code, 409)

    def test_it_pages_and_narrows_the_log(self) -> None:
        self.add()
        self.announce(5)
        first = self.ask("get", "/deliveries?limit=3").json()
        cursor = first["next_cursor"]
        second = self.ask("get", f"/deliveries?limit=3&cursor={cursor}").json()

        pages = [len(one["deliveries"]) for one in (first, second)]
        self.assertEqual((pages, second["next_cursor"]), ([3, 2], None))
        for query, count in (("status=pending", 5), ("event=webhook.test", 0)):
            found = self.ask("get", f"/deliveries?{query}").json()["deliveries"]
            self.assertEqual(len(found), count)
        for wrong in ("cursor=x", "limit=0", "page=2"):
            with self.subTest(wrong):
                self.assertEqual(
                    self.ask("get", f"/deliveries?{wrong}").status_code, 400
                )

    def test_it_sends_a_test(self) -> None:
        with receiving() as receiver:
            path = f"/{self.add(receiver.url, events=['prediction.failed'])['id']}"
            self.assertEqual(self.ask("post", f"{path}/test").status_code, 202)
            carry_out_all()

        self.assertEqual(json.loads(receiver.received[0].body)["type"], "webhook.test")

    def test_it_counts_what_it_sends_as_requests_of_the_minute(self) -> None:
        test = f"/{self.add()['id']}/test"
        resend = f"/deliveries/{self.ask('post', test).json()['id']}/resend"
        for _ in range(self.alice.limits.requests_per_minute - 1):
            rate_limits.check_request(self.alice)

        for path in (test, resend):
            with self.subTest(path):
                answer = self.ask("post", path)
                self.assertEqual(answer.status_code, 429)
                self.assertIn("Retry-After", answer)


class SwitchingOffTests(WebhookApiTestCase):
    def fail_to_the_end(self, *answers: int, times: int = 9) -> Webhook:
        with receiving(*answers) as receiver:
            self.add(receiver.url)
            self.announce()
            with self.captureOnCommitCallbacks(execute=True):
                for _ in range(times):
                    DBTaskResult.objects.update(run_after=timezone.now())
                    carry_out_all()
        mailing.wait_until_sent()
        return Webhook.objects.get()

    def test_it_switches_off_what_only_fails_and_writes_to_its_owner(self) -> None:
        webhook = self.fail_to_the_end(*[500] * 9)

        self.assertEqual(webhook.disabled_by, Webhook.DisabledBy.FAILURES)
        (message,) = mail.outbox
        self.assertEqual(message.to, ["alice@example.org"])
        self.assertIn(webhook.url, message.body)
        newest = self.alice.audit_events.first()
        assert newest is not None
        self.assertIn("nothing was delivered for a day", sentence_of(newest))
        self.announce()
        self.assertEqual(WebhookDelivery.objects.count(), 1)

    def test_it_leaves_on_what_something_has_reached_meanwhile(self) -> None:
        with receiving() as receiver:
            webhook = Webhook.objects.get(public_id=self.add(receiver.url)["id"])
            self.announce()
            delivery = WebhookDelivery.objects.get()
            later = timezone.now() + datetime.timedelta(hours=1)
            Webhook.objects.update(last_delivered_at=later)
            delivery.failures = 8
            delivery.save()
            receiver.answers.append(500)
            carry_out_all()

        webhook.refresh_from_db()
        delivery.refresh_from_db()
        self.assertEqual(delivery.status, "failed")
        self.assertTrue(webhook.is_enabled)

    def test_it_obeys_a_receiver_that_is_gone(self) -> None:
        webhook = self.fail_to_the_end(410, times=1)

        self.assertEqual(webhook.disabled_by, Webhook.DisabledBy.RECEIVER)
        self.assertEqual(WebhookDelivery.objects.get().status, "failed")
        self.assertEqual(len(mail.outbox), 1)
