from __future__ import annotations

from django_tasks_db.models import DBTaskResult

from accounts import quota
from accounts.models import Reservation, User
from accounts.tiers import Tier
from models_app import services
from models_app.asynchronous import running, service
from models_app.asynchronous.event_log import EventLog
from models_app.asynchronous.finishing import AFTER_END
from models_app.asynchronous.models import AsyncPrediction, AsyncStatus
from models_app.asynchronous.stored import read_error, read_events, read_output
from models_app.errors import (
    EngineUnavailable,
    GenerationFailed,
)
from models_app.models import PredictionRecord
from models_app.predictions import Finished, Started, TextDelta
from models_app.tasks import queue
from models_app.tests.asynchronous import MOST, USED, AsynchronousTestCase
from models_app.tests.fakes import HELLO, FakeBackend, token, use_backend
from models_app.tests.queues import carry_out_all, carry_out_next


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
        log = EventLog(prediction, is_new=True)
        log.add(services._started(admission))
        log.add(TextDelta(index=0, text="He", token_count=2))
        log.save()

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
