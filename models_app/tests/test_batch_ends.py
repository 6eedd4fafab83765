from __future__ import annotations

from unittest import mock

from django_tasks_db.models import DBTaskResult

from accounts.api_tokens import revoke_api_token
from accounts.closing import close_account
from accounts.models import Reservation, User
from accounts.projects import archive_project, create_project
from models_app.backends.base import TokenEvent
from models_app.batches import line_run, service, slices
from models_app.batches.models import Batch, BatchLine, BatchStatus, LineStatus
from models_app.calls import Caller
from models_app.models import PredictionRecord, PredictionSource
from models_app.tests.batches import MOST, USED, BatchTestCase, calls
from models_app.tests.fakes import HELLO, FakeBackend, token, use_backend
from models_app.tests.queues import carry_out_all


class DeadWorkerTests(BatchTestCase):
    def die_in_second_line(self, batch: Batch) -> None:
        """As if the worker had been killed when one line had ended and one ran."""
        first, second, *_ = batch.lines.all()
        begun = line_run.begin(batch, first)
        assert begun is not None
        begun._admission.run.take(0, TokenEvent(request_id="r", text="", token_ids=[]))
        begun._settle(begun._admission, "succeeded", None)  # type: ignore[arg-type]
        line_run.begin(batch, second)

    def test_it_goes_on_with_what_the_dead_one_held_given_back(self) -> None:
        with use_backend(FakeBackend(*HELLO)) as backend:
            batch = self.create(*calls(3))
            self.die_in_second_line(batch)
            used = self.tokens()[0]
            self.assertEqual(self.tokens()[1], MOST)
            carry_out_all()

        self.assertEqual(self.statuses(batch), ["succeeded"] * 3)
        self.assertEqual(len(backend.generations), 2)
        self.assertEqual(self.tokens(), (used + 2 * USED, 0))
        self.assertEqual(PredictionRecord.objects.count(), 3)
        self.assertEqual(Reservation.objects.filter(settled_at=None).count(), 0)

    def test_it_uses_the_seed_of_the_first_attempt(self) -> None:
        with use_backend(FakeBackend(*HELLO)) as backend:
            batch = self.create(*calls(3))
            self.die_in_second_line(batch)
            second = batch.lines.get(number=2)
            seed = PredictionRecord.objects.get(public_id=second.prediction_id).seed
            carry_out_all()

        self.assertEqual(backend.generations[0].sampling.seed, seed)

    def test_it_gives_up_a_line_that_kills_every_worker(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            batch = self.create()
            for _ in range(line_run.MAX_ATTEMPTS):
                line_run.begin(batch, batch.lines.get())
                line_run.undo(batch.lines.get())

        self.assertEqual(self.statuses(batch), [LineStatus.FAILED])

    def test_it_takes_no_result_of_an_attempt_that_was_given_up(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            batch = self.create()
            late = line_run.begin(batch, batch.lines.get())
            assert late is not None
            line_run.undo(batch.lines.get())
            line_run.begin(batch, batch.lines.get())
            late._settle(late._admission, "succeeded", None)  # type: ignore[arg-type]

        self.assertEqual(self.statuses(batch), [LineStatus.RUNNING])
        self.assertEqual(self.tokens(), (0, MOST))

    def test_it_puts_a_forgotten_batch_back_into_the_queue(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            batch = self.create()
            service.resume_forgotten()
            self.assertEqual(DBTaskResult.objects.count(), 1)
            DBTaskResult.objects.all().delete()
            service.resume_forgotten()
            carry_out_all()

        self.assertEqual(self.statuses(batch), ["succeeded"])


class CancelTests(BatchTestCase):
    def test_it_cancels_what_waits(self) -> None:
        with use_backend(FakeBackend(*HELLO)) as backend:
            batch = service.cancel(self.create(*calls(2)))
            carry_out_all()

        self.assertEqual(batch.status, BatchStatus.CANCELED)
        self.assertEqual(self.statuses(batch), ["canceled", "canceled"])
        self.assertEqual(backend.generations, [])

    def test_it_aborts_what_runs_and_keeps_what_there_is(self) -> None:
        script = [token("Hel"), token("", finish_reason="abort")]
        with use_backend(FakeBackend(*script)) as backend:
            batch = self.create(*calls(2))
            begun = line_run.begin(batch, batch.lines.first())  # type: ignore[arg-type]
            assert begun is not None
            batch = service.cancel(batch)
            self.assertEqual(batch.status, BatchStatus.CANCELING)
            self.assertEqual(self.statuses(batch), ["running", "canceled"])
            slice_ = slices.Slice(batch)
            slice_._running = {mock.Mock(): begun}
            slice_._obey()
            self.assertEqual(backend.aborted, begun._admission.record.request_ids)
            self.assertFalse(slice_._goes_on)

    def test_it_leaves_what_has_ended(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            batch = service.cancel(self.run_batch())

        self.assertEqual(batch.status, BatchStatus.COMPLETED)
        self.assertIsNone(batch.cancel_requested_at)

    def test_it_begins_no_line_of_a_canceled_batch(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            batch = self.create()
            line = batch.lines.get()
            service.cancel(batch)
            self.assertIsNone(line_run.begin(batch, line))
        self.assertEqual(self.tokens(), (0, 0))

    def test_it_ends_with_its_api_token_project_and_account(self) -> None:
        project = create_project(user=self.bob, name="other")
        with use_backend(FakeBackend(*HELLO)) as backend:
            of_token = self.create(*calls(2))
            revoke_api_token(api_token=self.api_token_of(self.bob))
            of_project = self.create(
                caller=Caller(
                    user=self.bob, project=project, source=PredictionSource.BATCH
                )
            )
            archive_project(project=project)
            carry_out_all()
            for batch in (of_token, of_project):
                batch.refresh_from_db()
                self.assertEqual(batch.status, BatchStatus.CANCELED)
            self.assertEqual(backend.generations, [])
            close_account(user=self.bob)
        self.assertFalse(BatchLine.objects.exists())

    def test_it_ends_with_an_account_that_is_deactivated(self) -> None:
        with use_backend(FakeBackend(*HELLO)) as backend:
            batch = self.create()
            User.objects.filter(pk=self.bob.pk).update(is_active=False)
            carry_out_all()

        self.assertEqual(self.statuses(batch), ["canceled"])
        self.assertEqual(backend.generations, [])
