"""What a worker finds next, and that it costs the same however many wait."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable

from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.models import User
from models_app.tasks import queue
from models_app.tasks.due import AT_ONCE, TaskRow
from models_app.tests.effort import effort_of
from models_app.tests.queues import WORKER
from models_app.webhooks.delivering import deliver
from models_app.webhooks.managing import add_webhook
from models_app.webhooks.models import Webhook, WebhookDelivery
from models_app.webhooks.sharing import MOST_OF_A_WEBHOOK, shared_queues
from neuro_site.testing import BaseTestCase

FEW, MANY = 30, 1500
LATER = datetime.timedelta(hours=1)
SLOW, QUICK = "https://slow.example/", "https://quick.example/"


class ClaimingTestCase(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.slow = self.webhook_of(self.alice, SLOW)
        self.running: dict[uuid.UUID, str] = {}

    def webhook_of(self, user: User, url: str) -> Webhook:
        return add_webhook(project=user.default_project, url=url)[0]

    def let_wait(
        self,
        webhook: Webhook,
        times: int,
        *,
        run_after: datetime.datetime = AT_ONCE,
    ) -> None:
        due_at = timezone.now() if run_after == AT_ONCE else run_after
        deliveries = [
            WebhookDelivery(
                project=webhook.project,
                webhook=webhook,
                payload="{}",
                next_attempt_at=due_at,
                task_id=uuid.uuid4(),
            )
            for _ in range(times)
        ]
        WebhookDelivery.objects.bulk_create(deliveries)
        DBTaskResult.objects.bulk_create(
            DBTaskResult(
                id=delivery.task_id,
                task_path=deliver.module_path,
                queue_name=queue.WEBHOOKS,
                backend_name="default",
                run_after=run_after,
                args_kwargs={"args": [delivery.public_id], "kwargs": {}},
            )
            for delivery in deliveries
        )

    def find(self) -> TaskRow | None:
        return queue.claim(WORKER, [queue.WEBHOOKS], shared_queues(self.running))

    def claim(self) -> str | None:
        """The address of what is to be delivered next."""
        claimed = self.find()
        if claimed is None:
            return None
        self.running[claimed.pk] = claimed.queue_name
        return WebhookDelivery.objects.get(task_id=claimed.pk).address

    def fill_share_of_slow(self) -> None:
        self.let_wait(self.slow, MOST_OF_A_WEBHOOK)
        for _ in range(MOST_OF_A_WEBHOOK):
            self.assertEqual(self.claim(), SLOW)


class OrderTests(ClaimingTestCase):
    def ago(self, seconds: int) -> datetime.datetime:
        return timezone.now() - datetime.timedelta(seconds=seconds)

    def test_it_takes_what_was_postponed_before_what_never_was(self) -> None:
        self.let_wait(self.slow, 1)
        self.let_wait(self.webhook_of(self.bob, QUICK), 1, run_after=self.ago(1))

        self.assertEqual([self.claim(), self.claim()], [QUICK, SLOW])

    def test_it_takes_a_higher_priority_first_and_others_in_their_order(self) -> None:
        for name, priority in (("a", 0), ("b", 2), ("c", 2), ("d", 1)):
            DBTaskResult.objects.create(
                task_path=name,
                queue_name=queue.PREDICTIONS,
                backend_name="default",
                run_after=AT_ONCE,
                priority=priority,
                args_kwargs={},
            )

        taken = [queue.claim(WORKER, [queue.PREDICTIONS]) for _ in range(5)]

        self.assertEqual([one and one.task_path for one in taken], [*"bcda", None])

    def test_it_finds_what_is_due_below_a_priority_of_which_nothing_is(self) -> None:
        self.let_wait(self.slow, 1, run_after=timezone.now() + LATER)
        DBTaskResult.objects.update(priority=2)
        self.let_wait(self.webhook_of(self.bob, QUICK), 1)

        self.assertEqual([self.claim(), self.claim()], [QUICK, None])

    def test_it_takes_of_other_receivers_whose_has_waited_longest(self) -> None:
        self.fill_share_of_slow()
        self.let_wait(self.slow, 1)
        for number, seconds in enumerate([10, 30, 20]):
            webhook = self.webhook_of(self.bob, f"{QUICK}{number}")
            self.let_wait(webhook, 1, run_after=self.ago(seconds))

        taken = [self.claim() for _ in range(4)]

        self.assertEqual(taken, [f"{QUICK}1", f"{QUICK}2", f"{QUICK}0", None])

    def test_it_skips_what_another_worker_delivers_at_the_moment(self) -> None:
        self.fill_share_of_slow()
        self.let_wait(self.webhook_of(self.bob, QUICK), 2)
        own, self.running = self.running, {}
        self.assertEqual(self.claim(), QUICK)
        self.running = own

        self.assertEqual([self.claim(), self.claim()], [QUICK, None])


class EffortTests(ClaimingTestCase):
    """What it costs to find the next one beside few and beside many that wait."""

    def setUp(self) -> None:
        super().setUp()
        self.fill_share_of_slow()
        self.quick = self.webhook_of(self.bob, QUICK)

    def assert_costs_the_same(
        self, find: Callable[[], object], *, run_after: datetime.datetime = AT_ONCE
    ) -> None:
        efforts = []
        for times in (FEW, MANY):
            self.let_wait(self.slow, times, run_after=run_after)
            efforts.append(effort_of(find))
        beside_few, beside_many = efforts
        self.assertLessEqual(beside_many, 1.5 * beside_few)

    def test_it_is_the_same_for_a_delivery_to_another_receiver(self) -> None:
        self.let_wait(self.quick, 2)

        self.assert_costs_the_same(self.find)

        self.assertEqual(self.claim(), QUICK)

    def test_it_is_the_same_where_only_those_wait_that_may_not_begin(self) -> None:
        self.assert_costs_the_same(self.find)

        self.assertIsNone(self.claim())

    def test_it_is_the_same_beside_those_that_were_postponed(self) -> None:
        self.running.clear()
        self.let_wait(self.quick, 2)

        self.assert_costs_the_same(self.find, run_after=timezone.now() + LATER)

        self.assertEqual(self.claim(), QUICK)

    def test_it_is_the_same_for_other_queues(self) -> None:
        self.assert_costs_the_same(lambda: queue.claim(WORKER, [queue.PREDICTIONS]))

    def test_it_is_the_same_for_what_dead_workers_left(self) -> None:
        self.assert_costs_the_same(lambda: queue.release_abandoned("worker-b", []))
