from __future__ import annotations

import dataclasses
import datetime
import io

from django.core.management import call_command
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.api_tokens import revoke_api_token
from accounts.closing import close_account
from accounts.export import sections
from accounts.projects import archive_project, create_project
from models_app.asynchronous import housekeeping, service
from models_app.asynchronous.models import AsyncEvents, AsyncPrediction, AsyncStatus
from models_app.errors import (
    PredictionNotFound,
)
from models_app.models import PredictionRecord
from models_app.tests.asynchronous import AsynchronousTestCase
from models_app.tests.calling import PROMPT
from models_app.tests.fakes import HELLO, FakeBackend, use_backend
from models_app.tests.queues import carry_out_all, carry_out_next


class CancelTests(AsynchronousTestCase):
    def test_it_cancels_what_waits(self) -> None:
        with use_backend(FakeBackend(*HELLO)) as backend:
            prediction = service.cancel(self.create())
            carry_out_all()

        self.assertEqual(prediction.status, AsyncStatus.CANCELED)
        self.assertEqual(backend.generations, [])

    def test_it_leaves_what_has_ended(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            prediction = self.create()
            carry_out_all()
            prediction = service.cancel(prediction)

        self.assertEqual(prediction.status, AsyncStatus.SUCCEEDED)

    def test_it_aborts_what_never_began_in_its_time(self) -> None:
        with use_backend(FakeBackend(*HELLO)) as backend:
            prediction = self.create(cancel_after=datetime.timedelta(seconds=9))
            AsyncPrediction.objects.update(cancel_at=timezone.now())
            self.assertEqual(self.again(prediction).status, AsyncStatus.ABORTED)
            carry_out_all()

        self.assertEqual(backend.generations, [])

    def test_it_ends_with_its_api_token(self) -> None:
        with use_backend(FakeBackend(*HELLO)) as backend:
            prediction = self.create()
            revoke_api_token(api_token=self.api_token_of(self.alice))
            carry_out_all()

        self.assertEqual(self.again(prediction).status, AsyncStatus.CANCELED)
        self.assertEqual(backend.generations, [])

    def test_it_ends_with_its_project(self) -> None:
        project = create_project(user=self.alice, name="other")
        with use_backend(FakeBackend(*HELLO)) as backend:
            caller = dataclasses.replace(self.caller(), project=project)
            prediction = self.create(caller=caller)
            archive_project(project=project)
            carry_out_all()

        self.assertEqual(self.again(prediction).status, AsyncStatus.CANCELED)
        self.assertEqual(backend.generations, [])

    def test_it_goes_with_its_account(self) -> None:
        with use_backend(FakeBackend(*HELLO)) as backend:
            self.create()
            close_account(user=self.alice)
            carry_out_all()

        self.assertEqual(backend.generations, [])
        self.assertFalse(AsyncPrediction.objects.exists())

    def test_it_is_seen_by_its_project_alone(self) -> None:
        with use_backend(FakeBackend()):
            prediction = self.create()

        with self.assertRaises(PredictionNotFound):
            service.find(self.bob.default_project, prediction.public_id)

    def test_it_is_exported_with_its_texts(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            self.create()
            carry_out_all()

        (section,) = (one for one in sections() if one.name.startswith("asynchronous"))
        (row,) = section.rows(self.alice)
        self.assertEqual(row["inputs"], [PROMPT])
        self.assertEqual(row["completions"], ["Hello"])


class HousekeepingTests(AsynchronousTestCase):
    def test_it_deletes_what_ended_long_ago_with_its_texts(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            old = self.create()
            carry_out_all()
            young, waiting = self.create(), self.create()
            carry_out_next()
        kept = datetime.timedelta(hours=24)
        AsyncPrediction.objects.filter(pk=old.pk).update(
            finished_at=timezone.now() - kept
        )

        call_command("delete_expired_predictions", stdout=io.StringIO())

        left = set(AsyncPrediction.objects.values_list("pk", flat=True))
        self.assertEqual(left, {young.pk, waiting.pk})
        self.assertFalse(AsyncEvents.objects.filter(prediction=old.pk).exists())
        self.assertEqual(PredictionRecord.objects.count(), 2)

    def test_it_aborts_what_became_late_in_the_queue(self) -> None:
        with use_backend(FakeBackend()):
            prediction = self.create(cancel_after=datetime.timedelta(seconds=1))
        AsyncPrediction.objects.update(cancel_at=timezone.now())

        housekeeping.abort_late()

        prediction.refresh_from_db()
        self.assertEqual(prediction.status, AsyncStatus.ABORTED)

    def test_it_fails_what_its_task_forgot(self) -> None:
        with use_backend(FakeBackend()):
            prediction = self.create()
        DBTaskResult.objects.update(status="FAILED")

        housekeeping.fail_forgotten()

        prediction.refresh_from_db()
        self.assertEqual(prediction.status, AsyncStatus.FAILED)
