"""Who receives slowly, or never answers, keeps nobody else waiting."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from unittest import mock
from uuid import UUID

from django.test import TransactionTestCase, override_settings

from accounts.models import Project
from accounts.services import register_user
from models_app.tasks import queue
from models_app.tasks.running import WEBHOOKS_AT_ONCE
from models_app.tasks.worker import Worker
from models_app.tests.queues import WORKER
from models_app.tests.receivers import receiving
from models_app.webhooks.announcing import announce
from models_app.webhooks.managing import add_webhook
from models_app.webhooks.models import WebhookDelivery
from models_app.webhooks.sending import post
from models_app.webhooks.sharing import (
    MOST_OF_A_WEBHOOK,
    MOST_OF_AN_ACCOUNT,
    shared_queues,
)
from neuro_site.testing import PASSWORD, BaseTestCase

EVENT = "prediction.succeeded"
# Only a test that fails waits so long.
SECONDS = 60.0


def announce_often(project: Project, *, of_call: str = "", times: int = 8) -> None:
    named = {"url": of_call, "events": []} if of_call else None
    for _ in range(times):
        announce(project=project, event=EVENT, subject="", data=dict, of_call=named)


class ShareTests(BaseTestCase):
    def running_at_once(self) -> Counter[str]:
        """As many as a worker with room for all begins, and none of them ends."""
        running: dict[UUID, str] = {}
        while claimed := queue.claim(WORKER, [queue.WEBHOOKS], shared_queues(running)):
            running[claimed.pk] = claimed.queue_name
        begun = WebhookDelivery.objects.filter(task_id__in=running)
        return Counter(delivery.address for delivery in begun)

    def test_it_bounds_what_goes_to_one_webhook_at_once(self) -> None:
        project = self.alice.default_project
        add_webhook(project=project, url="https://slow.example/")
        announce_often(project)

        self.assertEqual(
            self.running_at_once(), {"https://slow.example/": MOST_OF_A_WEBHOOK}
        )

    def test_it_bounds_what_goes_to_addresses_of_calls_at_once(self) -> None:
        for number in range(8):
            announce_often(
                self.alice.default_project,
                of_call=f"https://slow.example/{number}",
                times=1,
            )

        self.assertEqual(self.running_at_once().total(), MOST_OF_A_WEBHOOK)

    def test_it_bounds_what_an_account_has_delivered_at_once(self) -> None:
        for user in (self.alice, self.bob):
            for number in range(4):
                add_webhook(
                    project=user.default_project,
                    url=f"https://{user.email.partition('@')[0]}.example/{number}",
                )
            announce_often(user.default_project, times=2)

        hosts = Counter(url.split("/")[2] for url in self.running_at_once().elements())
        self.assertEqual(
            hosts,
            {"alice.example": MOST_OF_AN_ACCOUNT, "bob.example": MOST_OF_AN_ACCOUNT},
        )


# Nobody gives up on the silent one meanwhile.
@mock.patch("models_app.webhooks.delivering.post", partial(post, seconds=SECONDS))
@override_settings(WEBHOOK_PRIVATE_ADDRESSES=True)
class SilentReceiverTests(TransactionTestCase):
    @contextmanager
    def working(self) -> Iterator[None]:
        worker = Worker({queue.WEBHOOKS: WEBHOOKS_AT_ONCE}, [], sharing=shared_queues)
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            yield
        finally:
            worker.stop()
            thread.join()

    def project_of(self, name: str, url: str) -> Project:
        user = register_user(email=f"{name}@example.org", password=PASSWORD)
        add_webhook(project=user.default_project, url=url)
        return user.default_project

    def is_all_delivered(self) -> bool:
        return not WebhookDelivery.objects.exclude(status="delivered").exists()

    def wait_until(self, condition: Callable[[], bool]) -> None:
        pause = threading.Event()
        for _ in range(int(SECONDS * 100)):
            if condition():
                return
            pause.wait(0.01)
        self.fail("It did not come about.")

    def test_it_delivers_to_others_beside_a_receiver_that_never_answers(self) -> None:
        with receiving() as silent, receiving() as other:
            silent.may_answer.clear()
            announce_often(self.project_of("slow", silent.url), times=16)
            announce_often(self.project_of("quick", other.url), times=16)
            with self.working():
                self.wait_until(lambda: len(other.received) == 16)
                self.assertEqual(len(silent.received), MOST_OF_A_WEBHOOK)
                silent.may_answer.set()
                self.wait_until(self.is_all_delivered)

        self.assertEqual(len(silent.received), 16)
