from __future__ import annotations

import re
from typing import Any

from django.test import override_settings
from django.utils import timezone
from standardwebhooks.webhooks import Webhook as Verifier

from accounts import fresh_sign_in, rate_limits
from models_app.tests.queues import carry_out_all
from models_app.tests.receivers import receiving
from models_app.webhooks.announcing import announce
from models_app.webhooks.managing import add_webhook
from models_app.webhooks.models import Webhook, WebhookDelivery
from neuro_site.testing import BaseTestCase, Response

SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]+")


@override_settings(WEBHOOK_PRIVATE_ADDRESSES=True)
class WebhookPageTests(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        form = {"login": "alice@example.org", "password": self.password}
        self.client.post("/accounts/login/", form)
        self.project = self.alice.default_project
        self.url = f"/projects/{self.project.public_id}/webhooks/"

    def post(self, path: str, **form: Any) -> Response:
        return self.client.post(f"{self.url}{path}", form, follow=True)

    def secret_on(self, page: Response) -> str:
        found = SECRET.search(page.content.decode())
        assert found is not None
        return found[0]

    def announce(self) -> None:
        announce(
            project=self.project,
            event="prediction.succeeded",
            subject="",
            data=lambda: {"a": 1},
        )

    def test_it_begins_empty(self) -> None:
        page = self.client.get(self.url)

        self.assertContains(page, "Add a webhook")
        self.assertContains(page, "Nothing was sent")
        self.assertContains(self.client.get("/projects/"), self.url)

    def test_it_shows_the_secret_once_and_signs_with_it(self) -> None:
        with receiving() as receiver:
            page = self.post("add/", url=receiver.url)
            secret = self.secret_on(page)
            self.announce()
            carry_out_all()

        (received,) = receiver.received
        Verifier(secret).verify(received.body, received.headers)
        again = self.client.get(self.url)
        self.assertNotContains(again, secret)
        self.assertContains(again, receiver.url)
        self.assertContains(again, "Delivered")

    def test_it_says_what_is_wrong_with_an_address(self) -> None:
        page = self.post("add/", url="ftp://hooks.example/")

        self.assertContains(page, "begins with https:// or http://")
        self.assertFalse(Webhook.objects.exists())

    def test_it_replaces_the_secret(self) -> None:
        first = self.secret_on(self.post("secret/", grace=0))
        second = self.post("secret/", grace=86_400)

        self.assertNotEqual(self.secret_on(second), first)
        self.assertContains(second, "The one of before signs as well until")

    def test_it_switches_off_and_on_tests_and_deletes(self) -> None:
        webhook, _ = add_webhook(project=self.project, url="https://hooks.example/")
        path = webhook.public_id

        self.assertContains(self.post(f"{path}/switch/"), "by you")
        self.assertContains(self.post(f"{path}/test/"), "switch it on first")
        self.post(f"{path}/switch/")
        self.assertContains(self.post(f"{path}/test/"), "A test is on its way")
        self.assertEqual(WebhookDelivery.objects.get().event, "webhook.test")
        self.post(f"{path}/delete/")
        self.assertFalse(Webhook.objects.exists())

    def test_it_counts_what_it_sends_as_requests_of_the_minute(self) -> None:
        webhook, _ = add_webhook(project=self.project, url="https://hooks.example/")
        for _ in range(self.alice.limits.requests_per_minute):
            rate_limits.check_request(self.alice)

        page = self.post(f"{webhook.public_id}/test/")
        self.assertContains(page, "allows 60 requests a minute")
        self.assertFalse(WebhookDelivery.objects.exists())

    def edit(self, webhook: Webhook, **changes: Any) -> Response:
        form = {"url": webhook.url, "events": webhook.events, "is_enabled": True}
        return self.post(f"{webhook.public_id}/", **(form | changes))

    def test_it_changes_everything_about_a_webhook(self) -> None:
        webhook, _ = add_webhook(project=self.project, url="https://hooks.example/")
        address = f"{self.url}{webhook.public_id}/"
        self.assertContains(self.client.get(self.url), address)
        self.assertContains(self.client.get(address), "https://hooks.example/")

        page = self.edit(
            webhook,
            url="https://other.example/",
            events=["batch.completed"],
            description="to the wiki",
            is_enabled="",
        )

        self.assertContains(page, "https://other.example/ is changed")
        self.assertContains(page, "to the wiki")
        webhook.refresh_from_db()
        self.assertEqual(webhook.events, ["batch.completed"])
        self.assertFalse(webhook.is_enabled)

    def test_it_shows_a_mistake_beside_its_field_and_changes_nothing(self) -> None:
        webhook, _ = add_webhook(project=self.project, url="https://hooks.example/")
        page = self.edit(webhook, url="ftp://other.example/", description="new")

        self.assertContains(page, 'id="id_url_error"')
        self.assertContains(page, "autofocus")
        self.assertContains(page, 'value="new"')
        self.assertContains(self.edit(webhook), "is as it was")
        webhook.refresh_from_db()
        self.assertEqual(webhook.url, "https://hooks.example/")

    def test_it_asks_who_it_is_before_webhooks_go_elsewhere(self) -> None:
        webhook, _ = add_webhook(project=self.project, url="https://hooks.example/")
        session = self.client.session
        session[fresh_sign_in.SIGNED_IN_AT] = 0
        session.save()

        self.assertContains(self.edit(webhook, description="new"), "is changed")
        page = self.edit(webhook, url="https://other.example/")
        self.assertIn("reauthenticate", page.redirect_chain[0][0])
        webhook.refresh_from_db()
        self.assertEqual(webhook.url, "https://hooks.example/")

    def test_it_shows_only_ones_own(self) -> None:
        webhook, _ = add_webhook(
            project=self.bob.default_project, url="https://hooks.example/"
        )
        for path in ("", "switch/", "delete/", "test/"):
            page = self.post(f"{webhook.public_id}/{path}", url="https://a.example/")
            self.assertEqual(page.status_code, 404)

    def test_it_says_what_switched_it_off_and_what_to_do(self) -> None:
        webhook, _ = add_webhook(project=self.project, url="https://hooks.example/")
        Webhook.objects.update(disabled_at=timezone.now(), disabled_by="failures")

        page = self.client.get(f"{self.url}{webhook.public_id}/")
        self.assertContains(page, "Once its receiver answers again")

    def test_it_follows_what_is_being_sent(self) -> None:
        with receiving() as receiver:
            add_webhook(project=self.project, url=receiver.url)
            self.announce()
            self.assertContains(self.client.get(self.url), "every 2s")
            carry_out_all()

        self.assertNotContains(self.client.get(self.url), "every 2s")

    def test_it_tells_attempts_and_sends_again(self) -> None:
        with receiving(500) as receiver:
            add_webhook(project=self.project, url=receiver.url)
            self.announce()
            carry_out_all()
            page = self.client.get(self.url)
            self.assertContains(page, "500")
            self.assertContains(page, "Pending")
            delivery = WebhookDelivery.objects.get().public_id
            self.post(f"deliveries/{delivery}/resend/")
            carry_out_all()

        ids = {one.headers["webhook-id"] for one in receiver.received}
        self.assertEqual(ids, {f"msg_{delivery}"})
        self.assertEqual(len(receiver.received), 2)

    def test_it_asks_who_it_is_before_a_secret_is_shown(self) -> None:
        session = self.client.session
        session[fresh_sign_in.SIGNED_IN_AT] = 0
        session.save()
        for path in ("secret/", "add/"):
            page = self.post(path, url="https://hooks.example/", grace=0)
            self.assertNotRegex(page.content.decode(), SECRET)
            self.assertIn("reauthenticate", page.redirect_chain[0][0])

    def test_it_pages_the_log(self) -> None:
        add_webhook(project=self.project, url="https://hooks.example/")
        for _ in range(21):
            self.announce()

        self.assertContains(self.client.get(self.url), "Older")
        second = self.client.get(f"{self.url}?page=2")
        self.assertContains(second, "Newer")
        self.assertContains(second, "Send again", count=1)
