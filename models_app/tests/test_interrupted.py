from __future__ import annotations

from importlib import import_module
from typing import Any

from django.apps import apps
from django.utils import timezone

from accounts import leases
from accounts.identifiers import new_public_id
from accounts.leases import LEASE
from accounts.models import Reservation
from models_app import services
from models_app.asynchronous import running, service
from models_app.asynchronous.models import AsyncPrediction
from models_app.calls import understand
from models_app.interrupted import close_interrupted
from models_app.models import (
    LanguageModel,
    PredictionRecord,
    PredictionStatus,
    UsageHour,
)
from models_app.parameters import parse
from models_app.services import Admission
from models_app.tests.fakes import FakeBackend, use_backend
from models_app.tests.test_services import ServiceTestCase

forgotten = import_module("models_app.migrations.0017_forgotten_predictions")


class InterruptedTests(ServiceTestCase):
    def begun(self, **changes: Any) -> Admission:
        with use_backend(FakeBackend()):
            return services.admit(**self.call(**changes))

    def pass_time(self, *, renewed: bool) -> None:
        """As much as a reservation lives, with or without the process that has it."""
        then = timezone.now() - LEASE
        PredictionRecord.objects.update(created_at=then)
        Reservation.objects.update(
            created_at=then, expires_at=timezone.now() + (LEASE if renewed else -LEASE)
        )

    def test_it_closes_what_nobody_runs_any_more_and_charges_nothing(self) -> None:
        self.begun()
        self.pass_time(renewed=False)

        self.assertEqual(close_interrupted(), 1)

        record = self.record()
        self.assertEqual((record.status, record.error_code), ("failed", "interrupted"))
        self.assertEqual((record.charged_tokens, record.finish_reason), (0, "error"))
        self.assertEqual(self.tokens(), (0, 0))
        self.assertFalse(Reservation.objects.exists())
        hour = UsageHour.objects.get()
        self.assertEqual((hour.requests, hour.failed, hour.charged_tokens), (1, 1, 0))
        self.assertEqual(close_interrupted(), 0)

    def test_it_closes_what_had_its_reservation_given_back_before(self) -> None:
        self.begun()
        self.pass_time(renewed=False)
        leases.sweep()

        self.assertEqual(close_interrupted(), 1)

        self.assertEqual(self.tokens(), (0, 0))

    def test_it_leaves_alone_what_another_process_runs(self) -> None:
        admission = self.begun()
        self.assertEqual(close_interrupted(), 0)
        self.pass_time(renewed=True)

        self.assertEqual(close_interrupted(), 0)

        self.assertEqual(self.record().status, "running")
        self.assertEqual(self.tokens(), (0, admission.reservation.tokens))

    def test_it_leaves_to_the_queue_what_the_queue_begins_again(self) -> None:
        entry = LanguageModel.objects.resolve("neo-tiny")
        with use_backend(FakeBackend()):
            call = understand(self.caller(), entry, ["Say"], parse({}))
            services.begin(call, public_id=new_public_id())
        self.pass_time(renewed=False)

        self.assertEqual(close_interrupted(), 0)

    def test_it_closes_what_ran_before_rows_named_their_reservation(self) -> None:
        self.begun()
        PredictionRecord.objects.update(reservation_id=None)
        self.pass_time(renewed=False)

        forgotten.name_a_reservation_that_is_gone(apps, None)

        self.assertEqual(close_interrupted(), 1)
        self.assertEqual(self.record().error_code, "interrupted")
        self.assertEqual(UsageHour.objects.get().failed, 1)

    def test_it_leaves_to_the_queue_what_the_queue_had_then(self) -> None:
        with use_backend(FakeBackend()):
            prediction = service.create(**self.call())
            running._begin(AsyncPrediction.objects.get(pk=prediction.pk))
        self.pass_time(renewed=False)

        forgotten.name_a_reservation_that_is_gone(apps, None)

        self.assertEqual(close_interrupted(), 0)

    def test_a_process_that_slept_so_long_charges_nothing_when_it_wakes(self) -> None:
        admission = self.begun()
        self.pass_time(renewed=False)
        close_interrupted()

        closed = services.close(admission, PredictionStatus.SUCCEEDED, None)

        self.assertFalse(closed)
        self.assertEqual(self.record().error_code, "interrupted")
        self.assertEqual(UsageHour.objects.get().requests, 1)
        self.assertEqual(self.tokens(), (0, 0))
