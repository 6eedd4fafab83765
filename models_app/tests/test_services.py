from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from unittest import mock

from asgiref.sync import async_to_sync

from accounts import days
from accounts.errors import (
    ApplicationError,
    QuotaExceeded,
    RateLimited,
    TierRequired,
)
from accounts.models import Reservation, UsageDay
from models_app import services
from models_app.backends.base import Generation, TokenEvent
from models_app.errors import (
    EngineUnavailable,
    GenerationFailed,
    InvalidParameter,
    ModelLoading,
    ModelNotFound,
)
from models_app.models import LanguageModel, PredictionRecord
from models_app.predictions import (
    Completed,
    Failed,
    Finished,
    PredictEvent,
    Prediction,
    Started,
    TextDelta,
)
from models_app.tests.calling import CallingTestCase
from models_app.tests.fakes import HELLO, FakeBackend, token, use_backend


class ServiceTestCase(CallingTestCase):
    def record(self) -> PredictionRecord:
        return PredictionRecord.objects.get()


class AdmitTests(ServiceTestCase):
    def test_it_reserves_the_worst_case_and_opens_the_ledger(self) -> None:
        with use_backend(FakeBackend()):
            admission = services.admit(**self.call(prompts=["ab", "c"]))

        self.assertEqual(self.tokens(), (0, 3 + 40))
        record = self.record()
        self.assertEqual(record.public_id, admission.record.public_id)
        self.assertEqual((record.status, record.prompts), ("running", 2))
        self.assertEqual((record.prompt_tokens, record.seed), (3, 7))
        self.assertEqual(record.api_token, self.api_token_of(self.alice))
        self.assertEqual(record.project, self.alice.default_project)

    def test_it_changes_nothing_for_a_call_that_it_refuses(self) -> None:
        refusals: list[tuple[type[ApplicationError], dict[str, Any]]] = [
            (ModelNotFound, {"language_model": "neo-tinny"}),
            (InvalidParameter, {"parameters": {"temprature": 1}}),
            (InvalidParameter, {"parameters": {"max_length": 4}}),
        ]
        for error, changes in refusals:
            with (
                self.subTest(error=error.__name__),
                use_backend(FakeBackend()) as backend,
                self.assertRaises(error),
            ):
                services.admit(**self.call(**changes))
            self.assertEqual(backend.generations, [])
        self.assert_nothing_was_charged()

    def assert_nothing_was_charged(self) -> None:
        self.assertEqual(self.tokens(), (0, 0))
        self.assertFalse(PredictionRecord.objects.exists())
        self.assertFalse(Reservation.objects.exists())

    def test_it_needs_the_tier_of_the_model_and_names_it(self) -> None:
        LanguageModel.objects.filter(slug="neo-tiny").update(minimum_tier="premium")

        with use_backend(FakeBackend()), self.assertRaises(TierRequired) as caught:
            services.admit(**self.call())

        self.assertIn("Premium", caught.exception.message)
        self.assert_nothing_was_charged()

    def test_it_counts_a_refused_request_towards_the_rate_limit(self) -> None:
        """Or a script could tokenise novels for nothing, as fast as it likes."""
        call = self.call(caller=self.caller(self.charlie), parameters={"top_p": 9})
        with use_backend(FakeBackend()):
            for _ in range(self.charlie.limits.requests_per_minute):
                with self.assertRaises(InvalidParameter):
                    services.admit(**call)
            with self.assertRaises(RateLimited):
                services.admit(**call)

    def test_it_refuses_what_the_quota_cannot_cover(self) -> None:
        today = UsageDay.objects.create(
            user=self.alice,
            day=days.today(),
            tokens_used=self.alice.limits.tokens_per_day - 23,
        )

        with use_backend(FakeBackend()), self.assertRaises(QuotaExceeded):
            services.admit(**self.call())

        today.refresh_from_db()
        self.assertEqual(today.tokens_reserved, 0)
        self.assertFalse(PredictionRecord.objects.exists())

    def test_it_refuses_before_reserving_when_the_model_cannot_run(self) -> None:
        backend = FakeBackend(unready=ModelLoading(retry_after=2))

        with use_backend(backend), self.assertRaises(ModelLoading):
            services.admit(**self.call())

        self.assert_nothing_was_charged()

    def test_it_can_be_given_up(self) -> None:
        with use_backend(FakeBackend()):
            admission = services.admit(**self.call())
            services.discard(admission)
            services.discard(admission)

        self.assertEqual(self.tokens(), (0, 0))
        self.assertEqual(self.record().status, "aborted")


class StreamTests(ServiceTestCase):
    def run_stream(self, *script: TokenEvent | Exception) -> list[PredictEvent]:
        with use_backend(FakeBackend(*script)):
            admission = services.admit(**self.call())

            async def collect() -> list[PredictEvent]:
                return [event async for event in services.stream(admission)]

            return async_to_sync(collect)()

    def test_it_tells_a_prediction_from_start_to_end(self) -> None:
        events = self.run_stream(*HELLO)

        self.assertEqual(
            [type(event) for event in events],
            [Started, TextDelta, TextDelta, Finished, Completed],
        )
        started, first, second, finished, completed = events
        assert isinstance(started, Started)
        assert isinstance(finished, Finished)
        assert isinstance(completed, Completed)
        self.assertEqual(started.prediction_id, self.record().public_id)
        self.assertEqual((started.seed, started.prompt_tokens), (7, 4))
        self.assertEqual(first, TextDelta(index=0, text="Hel", token_count=3))
        self.assertEqual(second, TextDelta(index=0, text="lo", token_count=5))
        self.assertEqual((finished.text, finished.finish_reason), ("Hello", "stop"))
        self.assertEqual(completed.prediction.usage.total_tokens, 9)
        self.assertEqual(completed.prediction.timings.queue_ms, 2.0)

    def test_it_charges_what_was_used_and_closes_the_ledger(self) -> None:
        self.run_stream(*HELLO)

        self.assertEqual(self.tokens(), (9, 0))
        record = self.record()
        self.assertEqual((record.status, record.finish_reason), ("succeeded", "stop"))
        self.assertEqual((record.completion_tokens, record.charged_tokens), (5, 9))
        self.assertEqual(record.queue_ms, 2.0)
        self.assertGreaterEqual(record.duration_ms or 0, record.ttft_ms or 0)
        self.assertEqual(record.error_code, "")

    def test_it_settles_before_it_says_that_it_is_done(self) -> None:
        async def used_at_the_end(admission: services.Admission) -> int:
            async with aclosing(services.stream(admission)) as events:
                async for event in events:
                    if isinstance(event, Completed):
                        day = await UsageDay.objects.aget(user=self.alice)
                        return day.tokens_used
            raise AssertionError

        with use_backend(FakeBackend(*HELLO)):
            admission = services.admit(**self.call())
            self.assertEqual(async_to_sync(used_at_the_end)(admission), 9)

    def test_it_charges_the_work_done_when_the_listener_leaves(self) -> None:
        backend = FakeBackend(*HELLO)

        async def leave_after_first_text(admission: services.Admission) -> None:
            async with aclosing(services.stream(admission)) as events:
                async for event in events:
                    if isinstance(event, TextDelta):
                        return

        with use_backend(backend):
            admission = services.admit(**self.call())
            async_to_sync(leave_after_first_text)(admission)

        self.assertEqual(backend.closed, 1)
        self.assertEqual(self.tokens(), (4 + 3, 0))
        self.assertEqual(
            (self.record().status, self.record().finish_reason), ("aborted", "")
        )

    def test_it_charges_nothing_for_leaving_before_the_engine_began(self) -> None:
        async def leave_at_once(admission: services.Admission) -> None:
            async with aclosing(services.stream(admission)) as events:
                await anext(events)

        with use_backend(FakeBackend(*HELLO)):
            async_to_sync(leave_at_once)(services.admit(**self.call()))

        self.assertEqual(self.tokens(), (0, 0))
        self.assertEqual(self.record().status, "aborted")

    def test_it_tells_an_error_as_its_last_event_and_refunds(self) -> None:
        *_, last = self.run_stream(HELLO[0], EngineUnavailable(retry_after=2))

        assert isinstance(last, Failed)
        self.assertEqual(last.error.code, "engine_unavailable")
        self.assertEqual(self.tokens(), (0, 0))
        record = self.record()
        self.assertEqual((record.status, record.finish_reason), ("failed", "error"))
        self.assertEqual(record.error_code, "engine_unavailable")
        self.assertEqual((record.completion_tokens, record.charged_tokens), (3, 0))

    def test_it_hides_what_nobody_foresaw_and_logs_it(self) -> None:
        with self.assertLogs("models_app.generating", "ERROR") as logged:
            *_, last = self.run_stream(HELLO[0], KeyError("secret"))

        assert isinstance(last, Failed)
        self.assertIsInstance(last.error, GenerationFailed)
        self.assertNotIn("secret", last.error.message)
        self.assertIn(self.record().public_id, logged.output[0])
        self.assertEqual(self.tokens(), (0, 0))

    def test_it_counts_an_abort_by_the_engine_as_aborted(self) -> None:
        self.run_stream(HELLO[0], token("", finish_reason="abort"))

        record = self.record()
        self.assertEqual((record.status, record.finish_reason), ("aborted", "abort"))
        self.assertEqual(self.tokens(), (7, 0))

    def test_it_hands_the_parameters_to_the_backend(self) -> None:
        backend = FakeBackend(*HELLO)
        parameters = {"temperature": 0.5, "top_k": 3, "stop": ".", "seed": 1}

        with use_backend(backend):
            services.predict(**self.call(prompts=["a", "bc"], parameters=parameters))

        first, second = backend.generations
        self.assertEqual((first.model, first.prompt_token_ids), ("neo-tiny", [97]))
        self.assertEqual(first.priority, self.alice.limits.priority)
        self.assertEqual(first.cache_scope, self.alice.default_project.public_id)
        self.assertEqual((first.sampling.temperature, first.sampling.top_k), (0.5, 3))
        self.assertEqual(first.sampling.stop, (".",))
        self.assertEqual((first.sampling.seed, second.sampling.seed), (1, 2))
        self.assertNotEqual(first.request_id, second.request_id)

    def test_it_asks_for_temperature_zero_without_sampling(self) -> None:
        backend = FakeBackend(*HELLO)

        with use_backend(backend):
            services.predict(**self.call(parameters={"do_sample": False}))

        self.assertTrue(backend.generations[0].sampling.is_greedy)


class LeftBackend(FakeBackend):
    """Whoever asked has gone when the script is over."""

    async def generate(self, generation: Generation) -> AsyncGenerator[TokenEvent]:
        async for event in super().generate(generation):
            yield event
        raise asyncio.CancelledError


class PredictTests(ServiceTestCase):
    def predict(self, *script: TokenEvent | Exception, **changes: Any) -> Prediction:
        with use_backend(FakeBackend(*script)):
            return services.predict(**self.call(**changes))

    def test_it_answers_several_prompts_in_their_order(self) -> None:
        prediction = self.predict(*HELLO, prompts=["a", "b"])

        self.assertEqual([one.prompt for one in prediction.completions], ["a", "b"])
        self.assertEqual([one.seed for one in prediction.completions], [7, 8])
        self.assertEqual(prediction.usage.as_json()["total_tokens"], 12)
        self.assertEqual(self.tokens(), (12, 0))

    def test_it_raises_the_error_that_ended_it(self) -> None:
        with self.assertRaises(EngineUnavailable):
            self.predict(EngineUnavailable())

        self.assertEqual(self.tokens(), (0, 0))

    def test_it_charges_the_work_done_when_the_caller_leaves(self) -> None:
        with (
            use_backend(LeftBackend(HELLO[0])),
            self.assertRaises(asyncio.CancelledError),
        ):
            services.predict(**self.call())

        record = self.record()
        self.assertEqual((record.status, record.completion_tokens), ("aborted", 3))
        self.assertEqual(self.tokens(), (4 + 3, 0))

    def test_it_ends_the_other_prompts_when_one_fails(self) -> None:
        backend = FakeBackend(HELLO[0], EngineUnavailable())

        with use_backend(backend), self.assertRaises(EngineUnavailable):
            services.predict(**self.call(prompts=["a", "b", "c"]))

        self.assertEqual(backend.closed, 3)
        self.assertEqual(self.tokens(), (0, 0))

    def test_it_records_no_texts(self) -> None:
        self.predict(*HELLO, prompts=["a private matter"])

        written = str(PredictionRecord.objects.values().get())
        self.assertNotIn("private", written)
        self.assertNotIn("Hello", written)

    def test_it_reserves_nothing_when_the_ledger_cannot_be_opened(self) -> None:
        with (
            mock.patch.object(services, "insert", side_effect=OSError),
            self.assertRaises(OSError),
        ):
            self.predict(*HELLO)

        self.assertEqual(self.tokens(), (0, 0))
