from __future__ import annotations

import datetime
from typing import Any

from django.test import override_settings
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.errors import ApplicationError, TierLimitExceeded, TierRequired
from accounts.models import User
from models_app.asynchronous import service
from models_app.asynchronous.estimates import seconds_until_begun
from models_app.asynchronous.models import AsyncPrediction, AsyncStatus
from models_app.errors import (
    EngineUnavailable,
    InvalidParameter,
    Overloaded,
    QueueFull,
)
from models_app.models import PredictionRecord
from models_app.tests.asynchronous import MOST, AsynchronousTestCase
from models_app.tests.fakes import HELLO, FakeBackend, use_backend
from models_app.tests.queues import carry_out_next


class CreationTests(AsynchronousTestCase):
    def test_it_holds_nothing_while_it_waits(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            prediction = self.create()

        self.assertEqual(prediction.status, AsyncStatus.STARTING)
        self.assertEqual(self.tokens(), (0, 0))
        self.assertFalse(PredictionRecord.objects.exists())

    def test_it_refuses_at_once_what_can_never_run(self) -> None:
        charlie = self.caller(self.charlie)
        self.bob.staff_limits = {"tokens_per_day": MOST - 1}
        cases: list[tuple[type[ApplicationError], dict[str, Any]]] = [
            (InvalidParameter, {"parameters": {"temprature": 1}}),
            (TierRequired, {"caller": charlie, "language_model": "gpt-neo-1.3b"}),
            (TierLimitExceeded, {"caller": self.caller(self.bob)}),
        ]
        with use_backend(FakeBackend()):
            for error, change in cases:
                with self.subTest(error.__name__), self.assertRaises(error):
                    self.create(**change)
        self.assertFalse(AsyncPrediction.objects.exists())
        self.assertFalse(DBTaskResult.objects.exists())

    def test_it_bounds_the_queue_of_an_account_and_of_all(self) -> None:
        with (
            use_backend(FakeBackend()),
            override_settings(QUEUED_PREDICTIONS=2),
        ):
            User.objects.update(staff_limits={"queued_predictions": 1})
            for user in (self.alice, self.bob, self.charlie):
                user.refresh_from_db()
            self.create()
            with self.assertRaises(QueueFull):
                self.create()
            self.create(caller=self.caller(self.bob))
            with self.assertRaises(Overloaded):
                self.create(caller=self.caller(self.charlie))


class QueuePositionTests(AsynchronousTestCase):
    def test_it_counts_those_that_begin_before(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            first, second = self.create(), self.create()
            urgent = self.create(caller=self.caller(self.bob))
            places = [service.queue_position(one) for one in (urgent, first, second)]
            carry_out_next()
            after = [
                service.queue_position(self.again(one))
                for one in (urgent, first, second)
            ]

        self.assertEqual(places, [1, 2, 3])
        self.assertEqual(after, [None, 1, 2])

    def test_it_counts_no_turn_of_what_waits_for_an_engine(self) -> None:
        with use_backend(FakeBackend(unready=EngineUnavailable(retry_after=1))):
            prediction = self.create()
            carry_out_next()

        self.assertIsNone(service.queue_position(self.again(prediction)))


class EstimateTests(AsynchronousTestCase):
    def took(self, seconds: float) -> None:
        now = timezone.now()
        AsyncPrediction.objects.filter(finished_at=None).update(
            status=AsyncStatus.SUCCEEDED,
            started_at=now - datetime.timedelta(seconds=seconds),
            finished_at=now,
        )

    def test_it_takes_those_before_for_as_long_as_the_last_ones(self) -> None:
        with use_backend(FakeBackend()), override_settings(WORKER_PREDICTIONS=2):
            for seconds in (4, 8):
                self.create()
                self.took(seconds)

            self.assertEqual(seconds_until_begun(1), 3)
            self.assertEqual(seconds_until_begun(10), 30)

    def test_it_tells_nothing_where_nothing_is_known(self) -> None:
        self.assertIsNone(seconds_until_begun(1))
        self.assertIsNone(seconds_until_begun(None))
