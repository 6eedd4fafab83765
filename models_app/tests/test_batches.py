from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncGenerator, Iterator
from typing import Any
from unittest import mock

from django.test import override_settings
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts import quota
from accounts.api_tokens import revoke_api_token
from accounts.closing import close_account
from accounts.errors import TierLimitExceeded, TierRequired
from accounts.export import sections
from accounts.models import Reservation, User
from accounts.projects import archive_project, create_project
from models_app.backends.base import Generation, TokenEvent
from models_app.batches import line_run, results, service, slices
from models_app.batches.finishing import AFTER_END
from models_app.batches.models import Batch, BatchLine, BatchStatus, LineStatus
from models_app.batches.reading import MAX_LINE_BYTES, MAX_PROBLEMS
from models_app.calls import Caller
from models_app.errors import (
    EngineUnavailable,
    GenerationFailed,
    InvalidBatch,
    InvalidInput,
    Overloaded,
    QueueFull,
)
from models_app.models import PredictionRecord, PredictionSource
from models_app.tasks import queue
from models_app.tests.fakes import HELLO, FakeBackend, Scripted, token, use_backend
from models_app.tests.queues import carry_out_all, carry_out_next
from models_app.webhooks.managing import add_webhook
from models_app.webhooks.models import WebhookDelivery
from neuro_site.testing import BaseTestCase

PROMPT = "Say "
MOST, USED = 24, 9
CALL = {"model": "neo-tiny", "inputs": PROMPT, "parameters": {"max_new_tokens": 20}}


def jsonl(*lines: object) -> bytes:
    return b"".join(
        one if isinstance(one, bytes) else json.dumps(one).encode() + b"\n"
        for one in lines
    )


def calls(count: int) -> Iterator[dict[str, Any]]:
    return ({"custom_id": f"call {n}", **CALL} for n in range(1, count + 1))


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


class BatchTestCase(BaseTestCase):
    """A prompt of four tokens; the completion that the script brings has five."""

    def caller(self, user: User | None = None) -> Caller:
        user = user or self.bob
        return Caller(
            user=user,
            project=user.default_project,
            source=PredictionSource.BATCH,
            api_token=self.api_token_of(user),
        )

    def create(self, *lines: object, caller: Caller | None = None) -> Batch:
        file = io.BytesIO(jsonl(*(lines or calls(1))))
        return service.create(caller=caller or self.caller(), file=file)

    def run_batch(self, *lines: object) -> Batch:
        batch = self.create(*lines)
        carry_out_all()
        batch.refresh_from_db()
        return batch

    def tokens(self) -> tuple[int, int]:
        """Used and reserved today."""
        status = quota.status(self.bob)
        return status.tokens_used, status.tokens_reserved

    def results(self, batch: Batch) -> list[dict[str, Any]]:
        written = b"".join(results._chunks(batch))
        return [json.loads(line) for line in written.splitlines()]

    def statuses(self, batch: Batch) -> list[str]:
        return list(batch.lines.values_list("status", flat=True))

    def hasten(self) -> None:
        queue.hasten([DBTaskResult.objects.get().pk])


class UploadTests(BatchTestCase):
    def problems(self, *lines: object) -> list[dict[str, Any]]:
        with use_backend(FakeBackend()), self.assertRaises(InvalidBatch) as caught:
            self.create(*lines)
        self.assertFalse(Batch.objects.exists())
        return list(caught.exception.problems)

    def test_it_takes_the_file_in_and_holds_nothing(self) -> None:
        with use_backend(FakeBackend()):
            batch = self.create(*calls(2))

        self.assertEqual((batch.status, batch.total), (BatchStatus.STARTING, 2))
        self.assertEqual(self.statuses(batch), ["waiting", "waiting"])
        self.assertEqual(self.tokens(), (0, 0))

    def test_it_refuses_the_whole_file_and_names_every_line(self) -> None:
        good = {"custom_id": "good", **CALL}
        cases: list[tuple[object, str, str | None]] = [
            (b"{\n", "invalid_json", None),
            (b'{"custom_id": "\xff"}\n', "invalid_json", None),
            (b"[" * 50_000 + b"\n", "invalid_json", None),
            ([1], "invalid_input", None),
            ({"custom_id": "a", "model": "neo-tiny"}, "invalid_input", "inputs"),
            ({**good, "custom_id": "b", "stream": True}, "invalid_input", "stream"),
            (good, "invalid_input", "custom_id"),
            ({**good, "custom_id": "x" * 101}, "invalid_input", "custom_id"),
            ({**good, "custom_id": "\0"}, "invalid_input", "custom_id"),
            (
                {**good, "custom_id": "c", "model": "neo-tony"},
                "model_not_found",
                "model",
            ),
            ({**good, "custom_id": "d", "inputs": 3}, "invalid_input", "inputs"),
            (
                {**good, "custom_id": "f", "parameters": {"top_p": 2}},
                "invalid_parameter",
                "top_p",
            ),
        ]
        problems = self.problems(good, *(line for line, _, _ in cases))

        expected = [(n, code, param) for n, (_, code, param) in enumerate(cases, 2)]
        told = [(one["line"], one["code"], one["param"]) for one in problems]
        self.assertEqual(told, expected)

    def test_it_counts_lines_as_an_editor_does(self) -> None:
        (problem,) = self.problems(b"\xef\xbb\xbf\n", next(calls(1)), b"\r\n", b"{\r\n")

        self.assertEqual(problem["line"], 4)

    def test_it_stops_at_a_line_that_is_too_long(self) -> None:
        (problem,) = self.problems(b"x" * (MAX_LINE_BYTES + 1), b"y\n")

        self.assertIn("longer than", problem["message"])

    def test_it_tells_only_the_first_of_many_problems(self) -> None:
        self.assertEqual(len(self.problems(*[b"{\n"] * 99)), MAX_PROBLEMS)

    def test_it_refuses_a_file_without_lines(self) -> None:
        with use_backend(FakeBackend()), self.assertRaises(InvalidInput):
            self.create(b"\n\n")

    def test_it_takes_as_many_lines_as_the_tier_allows(self) -> None:
        self.bob.staff_limits = {"lines_per_batch": 2}
        with use_backend(FakeBackend()):
            self.create(*calls(2))
            with self.assertRaises(TierLimitExceeded):
                self.create(*calls(3))

    def test_it_names_the_tier_that_has_batches(self) -> None:
        with self.assertRaisesMessage(TierRequired, "Premium"):
            self.create(caller=self.caller(self.alice))

    def test_it_bounds_the_batches_of_an_account(self) -> None:
        with use_backend(FakeBackend()), override_settings(BATCHES_PER_ACCOUNT=1):
            self.create()
            with self.assertRaises(QueueFull):
                self.create()


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


class WebhookTests(BatchTestCase):
    def test_it_announces_its_end_with_what_came_of_it(self) -> None:
        add_webhook(project=self.bob.default_project, url="https://hooks.example/")
        with use_backend(FakeBackend(*HELLO)):
            batch = self.create(*calls(2))
            claimed = queue.claim("worker-of-test", [queue.BATCHES])
            assert claimed is not None
            queue.carry_out(claimed)

        delivery = WebhookDelivery.objects.get()
        self.assertEqual(delivery.event, "batch.completed")
        told = json.loads(delivery.payload)["data"]
        self.assertEqual(told["id"], batch.public_id)
        self.assertEqual(told["lines"]["succeeded"], 2)


class KeepingTests(BatchTestCase):
    def test_it_is_deleted_when_its_days_are_over(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            batch = self.run_batch()
            service.delete_expired()
            self.assertTrue(Batch.objects.exists())
            with override_settings(KEEP_BATCHES_DAYS=0):
                service.delete_expired()

        self.assertFalse(Batch.objects.filter(pk=batch.pk).exists())
        self.assertTrue(PredictionRecord.objects.exists())

    def test_its_owner_gets_it_with_the_export(self) -> None:
        with use_backend(FakeBackend(*HELLO)):
            self.run_batch()
        found = {section.name: list(section.rows(self.bob)) for section in sections()}

        self.assertEqual(found["batches"][0]["status"], "completed")
        (line,) = found["batch_lines"]
        self.assertEqual(line["inputs"], [PROMPT])
        self.assertEqual(line["prediction"]["predictions"][0]["text"], "Hello")
