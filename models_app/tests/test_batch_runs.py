from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from unittest import mock

from django.test import override_settings
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts import quota
from models_app.backends.base import Generation, TokenEvent
from models_app.batches import line_run, service, slices
from models_app.batches.finishing import AFTER_END
from models_app.batches.models import Batch, BatchLine, BatchStatus, LineStatus
from models_app.errors import (
    EngineUnavailable,
    GenerationFailed,
    Overloaded,
)
from models_app.models import PredictionRecord
from models_app.tests.batches import CALL, MOST, USED, BatchTestCase, calls
from models_app.tests.fakes import HELLO, FakeBackend, Scripted, token, use_backend
from models_app.tests.queues import carry_out_all, carry_out_next


class CrowdBackend(FakeBackend):
    """Ends no generation before so many of them have begun."""

    def __init__(self, *script: Scripted, crowd: int) -> None:
        super().__init__(*script)
        self.crowd = crowd
        self.is_crowded = asyncio.Event()

    async def generate(self, generation: Generation) -> AsyncGenerator[TokenEvent]:
        if len(self.generations) + 1 == self.crowd:
            self.is_crowded.set()
        async for event in super().generate(generation):
            await self.is_crowded.wait()
            yield event


class RunTests(BatchTestCase):
    def test_it_writes_each_result_beside_its_custom_id(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            batch = self.run_batch(*calls(6))

        self.assertEqual(batch.status, BatchStatus.COMPLETED)
        told = self.results(batch)
        self.assertEqual(
            [one["custom_id"] for one in told], [f"call {n}" for n in range(1, 7)]
        )
        self.assertEqual(
            {one["prediction"]["predictions"][0]["text"] for one in told}, {"Hello"}
        )
        self.assertEqual(self.tokens(), (6 * USED, 0))
        self.assertEqual(
            {record.public_id for record in PredictionRecord.objects.all()},
            {one["prediction"]["id"] for one in told},
        )
        self.assertFalse(DBTaskResult.objects.exists())

    def test_it_goes_behind_everybody_who_waits_for_an_answer(self) -> None:
        with use_backend(FakeBackend(*HELLO)) as backend:
            self.run_batch()

        (generation,) = backend.generations
        self.assertLess(generation.priority, self.charlie.limits.priority)
        self.assertEqual(PredictionRecord.objects.get().source, "batch")

    def test_it_runs_no_more_lines_at_once_than_the_settings_say(self) -> None:
        self.assertEqual(self.most_at_once(crowd=3), 3)

    def test_it_runs_one_line_at_once_beside_anybody_else(self) -> None:
        quota.reserve(user=self.alice, tokens=1)

        self.assertEqual(self.most_at_once(crowd=1), 1)

    def most_at_once(self, *, crowd: int) -> int:
        running: list[int] = []

        def begin(batch: Batch, line: BatchLine) -> line_run.LineRun | None:
            begun = line_run.begin(batch, line)
            running.append(self.statuses(batch).count(LineStatus.RUNNING))
            return begun

        with (
            use_backend(CrowdBackend(*HELLO, crowd=crowd)),
            override_settings(WORKER_BATCH_LINES=3),
            mock.patch.object(slices, "begin", begin),
        ):
            self.run_batch(*calls(10))
        return max(running)

    def test_it_fails_a_line_alone(self) -> None:
        too_long = {"custom_id": "too long", **CALL, "inputs": "x" * 64}
        with use_backend(FakeBackend(*HELLO)):
            batch = self.run_batch(too_long, *calls(1))

        failed, good = self.results(batch)
        self.assertEqual(batch.status, BatchStatus.COMPLETED)
        self.assertEqual(failed["status"], "failed")
        self.assertEqual(failed["error"]["code"], "context_length_exceeded")
        self.assertIsNone(failed["prediction"])
        self.assertEqual(good["status"], "succeeded")
        self.assertIsNone(good["error"])
        self.assertEqual(self.tokens(), (USED, 0))

    def test_it_charges_nothing_for_a_line_that_fails_in_the_engine(self) -> None:
        with use_backend(FakeBackend(token("Hel"), GenerationFailed("no"))):
            batch = self.run_batch()

        (line,) = self.results(batch)
        self.assertEqual(line["error"]["message"], "no")
        self.assertEqual(self.tokens(), (0, 0))

    def test_it_fails_what_can_never_fit_a_limit(self) -> None:
        self.bob.staff_limits = {"tokens_per_day": MOST - 1}
        self.bob.save()
        with use_backend(FakeBackend(*HELLO)):
            batch = self.run_batch()

        self.assertEqual(self.results(batch)[0]["error"]["code"], "tier_limit_exceeded")

    def test_it_waits_for_the_quota_and_says_so(self) -> None:
        with use_backend(FakeBackend(*HELLO)) as backend:
            batch = self.create(*calls(2))
            other = quota.reserve(
                user=self.bob, tokens=self.bob.limits.tokens_per_minute
            )
            carry_out_all()
            batch.refresh_from_db()
            self.assertEqual(backend.generations, [])
            self.assertIn("tokens a minute", batch.waits_for)
            quota.refund(other)
            self.assertFalse(carry_out_next())
            self.hasten()
            carry_out_all()

        batch.refresh_from_db()
        self.assertEqual(batch.status, BatchStatus.COMPLETED)
        self.assertEqual(batch.waits_for, "")

    def test_it_waits_for_its_own_lines_where_few_may_run_at_once(self) -> None:
        self.bob.staff_limits = {"concurrent_requests": 1}
        self.bob.save()
        with use_backend(FakeBackend(*HELLO)):
            batch = self.run_batch(*calls(3))

        self.assertEqual(batch.status, BatchStatus.COMPLETED)

    def test_it_waits_for_an_engine_that_is_away(self) -> None:
        away = [
            FakeBackend(unready=EngineUnavailable()),
            FakeBackend(token("Hel", queue_seconds=0.1), EngineUnavailable()),
            FakeBackend(Overloaded()),
        ]
        for backend in away:
            with self.subTest(), use_backend(backend):
                batch = self.run_batch()
                self.assertEqual(self.statuses(batch), ["waiting"])
                self.assertEqual(self.tokens()[1], 0)
            with use_backend(FakeBackend(*HELLO)):
                self.hasten()
                carry_out_all()
            self.assertEqual(self.statuses(batch), ["succeeded"])
        self.assertEqual(self.tokens(), (3 * USED, 0))

    def test_it_gives_up_a_line_that_takes_the_engine_down_each_time(self) -> None:
        with use_backend(FakeBackend(EngineUnavailable())):
            batch = self.run_batch()
            for _ in range(line_run.MAX_ATTEMPTS - 1):
                self.assertEqual(self.statuses(batch), ["waiting"])
                self.hasten()
                carry_out_all()

        self.assertEqual(self.results(batch)[0]["error"]["code"], "engine_unavailable")

    def test_it_lets_other_batches_have_their_turn(self) -> None:
        with (
            use_backend(FakeBackend(*HELLO)),
            mock.patch.object(slices, "SLICE_SECONDS", 0.0),
        ):
            batch, other = self.create(*calls(2)), self.create(*calls(2))
            carry_out_next()
            self.assertEqual(self.statuses(batch), ["waiting", "waiting"])
            carry_out_next()
            other.refresh_from_db()

        self.assertEqual(other.status, BatchStatus.PROCESSING)

    def test_it_ends_what_did_not_begin_in_its_time(self) -> None:
        with use_backend(FakeBackend(*HELLO)) as backend:
            batch = self.create(*calls(2))
            Batch.objects.update(ends_at=timezone.now())
            carry_out_all()

        batch.refresh_from_db()
        self.assertEqual(batch.status, BatchStatus.EXPIRED)
        self.assertEqual(self.statuses(batch), ["expired", "expired"])
        self.assertEqual(backend.generations, [])

    def test_it_keeps_zero_characters(self) -> None:
        with use_backend(FakeBackend(token("a\0b"), token("", finish_reason="stop"))):
            batch = self.run_batch({"custom_id": "a", **CALL, "inputs": ["\0"]})

        (line,) = self.results(batch)
        self.assertEqual(line["prediction"]["predictions"][0]["text"], "a\0b")

    def test_it_tells_those_who_asked_of_the_end(self) -> None:
        told: list[str] = []
        AFTER_END.append(lambda one: told.append(one.status))
        self.addCleanup(AFTER_END.pop)
        with use_backend(FakeBackend(*HELLO)):
            service.cancel(self.create())
            self.run_batch()

        self.assertEqual(told, [BatchStatus.CANCELED, BatchStatus.COMPLETED])
