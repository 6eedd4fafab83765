from __future__ import annotations

import dataclasses
import datetime
import io
from typing import Any

from django.core.management import call_command
from django.test import override_settings
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts import quota
from accounts.api_tokens import revoke_api_token
from accounts.closing import close_account
from accounts.errors import ApplicationError, TierLimitExceeded, TierRequired
from accounts.export import sections
from accounts.models import Reservation, User
from accounts.projects import archive_project, create_project
from accounts.tiers import Tier
from models_app import services
from models_app.asynchronous import housekeeping, running, service
from models_app.asynchronous.attempt import Attempt
from models_app.asynchronous.finishing import AFTER_END
from models_app.asynchronous.models import AsyncEvents, AsyncPrediction, AsyncStatus
from models_app.asynchronous.stored import read_error, read_events, read_output
from models_app.errors import (
    EngineUnavailable,
    GenerationFailed,
    InvalidParameter,
    Overloaded,
    PredictionNotFound,
    QueueFull,
)
from models_app.models import PredictionRecord, PredictionSource
from models_app.predictions import Finished, Started, TextDelta
from models_app.tasks import queue
from models_app.tests.fakes import HELLO, FakeBackend, token, use_backend
from models_app.tests.queues import carry_out_all, carry_out_next
from neuro_site.testing import BaseTestCase

PROMPT = "Say "
MOST, USED = 24, 9


class AsynchronousTestCase(BaseTestCase):
    """A prompt of four tokens; the completion that the script brings has five."""

    def caller(self, user: User | None = None) -> services.Caller:
        user = user or self.alice
        return services.Caller(
            user=user,
            project=user.default_project,
            source=PredictionSource.API,
            api_token=self.api_token_of(user),
        )

    def create(self, **changes: Any) -> AsyncPrediction:
        call: dict[str, Any] = {
            "caller": self.caller(),
            "language_model": "neo-tiny",
            "prompts": [PROMPT],
            "parameters": {"max_new_tokens": 20},
        }
        return service.create(**call | changes)

    def tokens(self) -> tuple[int, int]:
        """Used and reserved today."""
        status = quota.status(self.alice)
        return status.tokens_used, status.tokens_reserved

    def again(self, prediction: AsyncPrediction) -> AsyncPrediction:
        return service.find(prediction.project, prediction.public_id)


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


class RunTests(AsynchronousTestCase):
    def test_it_settles_once_with_the_result(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            prediction = self.create()
            carry_out_all()

        prediction = self.again(prediction)
        output = read_output(prediction)
        assert output is not None
        self.assertEqual(prediction.status, AsyncStatus.SUCCEEDED)
        self.assertEqual(output.completions[0].text, "Hello")
        self.assertEqual(output.id, prediction.public_id)
        self.assertEqual(self.tokens(), (USED, 0))
        record = PredictionRecord.objects.get()
        self.assertEqual(record.public_id, prediction.public_id)
        self.assertEqual(record.charged_tokens, USED)
        self.assertFalse(DBTaskResult.objects.exists())

    def test_it_does_nothing_a_second_time(self) -> None:
        with use_backend(FakeBackend(*HELLO)) as backend:
            prediction = self.create()
            carry_out_all()
            running.run_prediction.enqueue(prediction.public_id)
            carry_out_all()

        self.assertEqual(len(backend.generations), 1)
        self.assertEqual(self.tokens(), (USED, 0))

    def test_it_writes_the_events_down(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            prediction = self.create()
            carry_out_all()

        (row,) = prediction.events.all()
        kinds = [type(event) for event in read_events(row)]
        self.assertEqual(kinds, [Started, TextDelta, Finished])
        self.assertEqual(row.first, 1)

    def test_it_waits_where_a_limit_refuses_and_holds_nothing(self) -> None:
        with use_backend(FakeBackend(*HELLO)) as backend:
            prediction = self.create()
            other = quota.reserve(
                user=self.alice, tokens=self.alice.limits.tokens_per_minute
            )
            carry_out_all()
            self.assertEqual(self.again(prediction).status, AsyncStatus.STARTING)
            self.assertEqual(backend.generations, [])
            quota.refund(other)
            self.assertFalse(carry_out_next())
            queue.hasten([DBTaskResult.objects.get().pk])
            carry_out_all()

        self.assertEqual(self.again(prediction).status, AsyncStatus.SUCCEEDED)

    def test_it_hastens_the_next_of_the_account_when_one_ends(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            first = self.create()
            allowed = self.alice.limits.concurrent_requests
            others = [quota.reserve(user=self.alice, tokens=1) for _ in range(allowed)]
            carry_out_all()
            for other in others:
                quota.refund(other)
            self.create()
            carry_out_all()

        self.assertEqual(self.again(first).status, AsyncStatus.SUCCEEDED)

    def test_it_waits_for_an_engine_that_is_away(self) -> None:
        for away in (
            FakeBackend(unready=EngineUnavailable()),
            FakeBackend(token("Hel", queue_seconds=0.1), EngineUnavailable()),
        ):
            with self.subTest(), use_backend(away):
                prediction = self.create()
                carry_out_all()
                self.assertEqual(self.again(prediction).status, AsyncStatus.STARTING)
                self.assertEqual(self.tokens()[1], 0)
                self.assertFalse(
                    PredictionRecord.objects.exclude(status="succeeded").exists()
                )
            with use_backend(FakeBackend(*HELLO)):
                queue.hasten([DBTaskResult.objects.get().pk])
                carry_out_all()
            output = read_output(self.again(prediction))
            assert output is not None
            self.assertEqual(output.completions[0].text, "Hello")

    def test_it_fails_with_the_error_that_ended_it_and_charges_nothing(self) -> None:
        with use_backend(FakeBackend(token("Hel"), GenerationFailed("no"))):
            prediction = self.create()
            carry_out_all()

        prediction = self.again(prediction)
        error = read_error(prediction)
        assert error is not None
        self.assertEqual(prediction.status, AsyncStatus.FAILED)
        self.assertEqual((error.code, error.message), ("generation_failed", "no"))
        self.assertEqual(self.tokens(), (0, 0))

    def test_it_fails_what_its_owner_may_run_no_more(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            prediction = self.create(language_model="gpt-neo-125m")
            User.objects.filter(pk=self.alice.pk).update(tier=Tier.FREE)
            carry_out_all()

        error = read_error(self.again(prediction))
        assert error is not None
        self.assertEqual(error.code, "tier_required")

    def test_it_keeps_zero_characters(self) -> None:
        with use_backend(FakeBackend(token("a\0b"), token("", finish_reason="stop"))):
            prediction = self.create(prompts=["\0"])
            carry_out_all()

        output = read_output(self.again(prediction))
        assert output is not None
        self.assertEqual(output.completions[0].text, "a\0b")

    def test_it_tells_those_who_asked_of_the_end(self) -> None:
        told: list[str] = []
        AFTER_END.append(lambda one: told.append(one.status))
        self.addCleanup(AFTER_END.pop)
        with use_backend(FakeBackend(*HELLO)):
            self.create()
            service.cancel(self.create())
            carry_out_all()

        self.assertEqual(told, [AsyncStatus.CANCELED, AsyncStatus.SUCCEEDED])


class DeadWorkerTests(AsynchronousTestCase):
    def die_after_beginning(self, prediction: AsyncPrediction) -> None:
        """As if the worker had been killed once it had told the first half."""
        admission = running._begin(AsyncPrediction.objects.get(pk=prediction.pk))
        attempt = Attempt(prediction, admission)
        attempt._log.add(services._started(admission))
        attempt._log.add(TextDelta(index=0, text="He", token_count=2))
        attempt._log.save()

    def test_it_begins_again_with_what_the_dead_one_held_given_back(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            prediction = self.create()
            self.die_after_beginning(prediction)
            self.assertEqual(self.tokens(), (0, MOST))
            carry_out_all()

        self.assertEqual(self.again(prediction).status, AsyncStatus.SUCCEEDED)
        self.assertEqual(self.tokens(), (USED, 0))
        self.assertEqual(PredictionRecord.objects.count(), 1)
        self.assertEqual(Reservation.objects.filter(settled_at=None).count(), 0)

    def test_it_tells_its_readers_only_what_is_new(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            prediction = self.create()
            self.die_after_beginning(prediction)
            carry_out_all()

        told = [event for row in prediction.events.all() for event in read_events(row)]
        texts = [one.text for one in told if isinstance(one, TextDelta)]
        self.assertEqual("".join(texts), "Hello")
        self.assertEqual([type(one) for one in told].count(Started), 1)
        self.assertEqual([row.first for row in prediction.events.all()], [1, 3])

    def test_it_uses_the_seed_of_the_first_attempt(self) -> None:
        with use_backend(FakeBackend(*HELLO)) as backend:
            prediction = self.create()
            self.die_after_beginning(prediction)
            seed = PredictionRecord.objects.get().seed
            carry_out_all()

        self.assertEqual(backend.generations[0].sampling.seed, seed)


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
