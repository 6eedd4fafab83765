"""The queue of tasks and its worker, without processes: e2e/ kills those."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from asgiref.sync import async_to_sync
from django.test import TransactionTestCase
from django.utils import timezone
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from models_app.asynchronous.waiting import Listener
from models_app.tasks import mailboxes, queue
from models_app.tasks.mailboxes import Mailbox
from models_app.tasks.worker import Worker

Rows = DBTaskResult.objects
carried_out: list[str] = []
loops: list[asyncio.AbstractEventLoop] = []
has_begun, may_end = threading.Event(), threading.Event()
SECONDS = 60.0


@task
def note(name: str) -> None:
    carried_out.append(name)


@task
def fail() -> None:
    raise ValueError("on purpose")


@task
def postpone() -> None:
    raise queue.Postponed(queue.soon(3600))


@task
def note_loop() -> None:
    async def note() -> None:
        loops.append(asyncio.get_running_loop())

    async_to_sync(note)()


@task
def wait_for_test() -> None:
    has_begun.set()
    may_end.wait(SECONDS)


class TaskTestCase(TransactionTestCase):
    def setUp(self) -> None:
        carried_out.clear()
        loops.clear()
        has_begun.clear()
        may_end.clear()

    @contextmanager
    def mailbox(self) -> Iterator[Mailbox]:
        mailbox = Mailbox()
        try:
            yield mailbox
        finally:
            mailbox.close()

    def claim(self, worker_id: str = "worker-a") -> Any:
        claimed = queue.claim(worker_id, [queue.DEFAULT])
        assert claimed is not None
        return claimed


class QueueTests(TaskTestCase):
    def test_it_gives_a_task_to_one_worker(self) -> None:
        note.enqueue("once")

        self.assertIsNotNone(queue.claim("worker-a", [queue.DEFAULT]))
        self.assertIsNone(queue.claim("worker-b", [queue.DEFAULT]))

    def test_it_takes_only_from_the_named_queues(self) -> None:
        note.enqueue("once")

        self.assertIsNone(queue.claim("worker-a", [queue.PREDICTIONS]))

    def test_it_forgets_a_task_that_is_done(self) -> None:
        note.enqueue("once")

        queue.carry_out(self.claim())

        self.assertEqual(carried_out, ["once"])
        self.assertFalse(Rows.exists())

    def test_it_keeps_a_task_that_failed_with_its_traceback(self) -> None:
        fail.enqueue()

        with self.assertRaises(ValueError):
            queue.carry_out(self.claim())

        self.assertIn("on purpose", Rows.failed().get().traceback)
        queue.forget_failed(before=timezone.now())
        self.assertFalse(Rows.exists())

    def test_it_lets_a_postponed_task_wait_until_it_is_due(self) -> None:
        postpone.enqueue()

        queue.carry_out(self.claim())

        self.assertIsNone(queue.claim("worker-a", [queue.DEFAULT]))
        queue.hasten([Rows.get().pk])
        self.claim()

    def test_it_puts_back_what_a_dead_worker_held(self) -> None:
        note.enqueue("once")
        with self.mailbox() as dead:
            self.claim(dead.name)
            self.assertEqual(queue.release_abandoned("worker-b", []), 0)

        self.assertEqual(queue.release_abandoned("worker-b", []), 1)
        self.claim("worker-b")

    def test_it_puts_back_what_a_worker_holds_and_does_not_run(self) -> None:
        note.enqueue("once")
        claimed = self.claim("worker-b")

        self.assertEqual(queue.release_abandoned("worker-b", [claimed.pk]), 0)
        self.assertEqual(queue.release_abandoned("worker-b", []), 1)

    def test_it_lets_a_late_worker_change_nothing(self) -> None:
        note.enqueue("twice")
        late = self.claim("worker-dead")
        queue.release_abandoned("worker-b", [])
        self.claim("worker-b")

        queue.carry_out(late)

        self.assertEqual(Rows.running().count(), 1)


class MailboxTests(TaskTestCase):
    def test_it_knows_who_lives(self) -> None:
        with self.mailbox() as mailbox:
            self.assertTrue(mailboxes.is_alive(mailbox.name))
        self.assertFalse(mailboxes.is_alive(mailbox.name))

    def test_it_takes_a_socket_that_nobody_serves_for_dead(self) -> None:
        with self.mailbox() as mailbox:
            mailbox._socket.close()
            self.assertFalse(mailboxes.is_alive(mailbox.name))

    def test_it_wakes_who_waits_however_often_it_was_told(self) -> None:
        with self.mailbox() as mailbox:
            for _ in range(1000):
                mailboxes.wake_workers()
            mailbox.wait(SECONDS)
            mailbox.wait(0.001)


class ListenerTests(TaskTestCase):
    def test_it_tells_those_who_wait_for_what_has_ended_and_no_others(self) -> None:
        listener = Listener()
        with (
            listener.waiting("other") as other,
            listener.waiting("ended") as one,
            listener.waiting("ended") as another,
        ):
            mailboxes.tell_listeners(b"ended")

            self.assertTrue(one.wait(SECONDS))
            self.assertTrue(another.wait(SECONDS))
            self.assertFalse(other.is_set())


class WorkerTests(TaskTestCase):
    @contextmanager
    def working(self, **capacity: int) -> Iterator[Worker]:
        worker = Worker(capacity, [lambda: carried_out.append("chore")])
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            yield worker
        finally:
            may_end.set()
            worker.stop()
            thread.join()

    def test_it_carries_out_more_than_one_task_at_once(self) -> None:
        wait_for_test.enqueue()
        with self.working(default=2):
            self.assertTrue(has_begun.wait(SECONDS))
            note.enqueue("beside")
            queue.wake_on_commit()
            while "beside" not in carried_out:
                threading.Event().wait(0.01)

        self.assertIn("chore", carried_out)

    def test_it_runs_what_is_asynchronous_on_one_loop(self) -> None:
        note_loop.enqueue()
        note_loop.enqueue()
        with self.working(default=2):
            while len(loops) < 2:
                threading.Event().wait(0.01)

        self.assertIs(loops[0], loops[1])

    def test_it_ends_what_it_runs_before_it_stops(self) -> None:
        wait_for_test.enqueue()
        with self.working(default=1):
            self.assertTrue(has_begun.wait(SECONDS))

        self.assertFalse(Rows.exists())

    def test_it_goes_on_after_a_task_that_failed(self) -> None:
        fail.enqueue()
        note.enqueue("after")
        with (
            self.assertLogs("models_app.tasks.worker", "ERROR"),
            self.working(default=1),
        ):
            while "after" not in carried_out:
                threading.Event().wait(0.01)
