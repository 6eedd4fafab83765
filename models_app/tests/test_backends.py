"""The local backend over real engine processes."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from unittest import mock

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from msgspec.structs import replace as replace_struct

from accounts.errors import ApplicationError
from models_app.backends import checkpoints, get_backend
from models_app.backends.base import Backend, Generation, SamplingParams, TokenEvent
from models_app.backends.local import LocalBackend
from models_app.errors import (
    DeadlineExceeded,
    EngineUnavailable,
    ModelLoadFailed,
    ModelNotInstalled,
    ModelNotVerified,
)
from models_app.supervisor import _delays
from models_app.tests.checkpoints import write_parity
from models_app.tests.engines import NEO_TINY, short_folder
from models_app.weights import bundled_dir
from neuro_site.testing import BaseTestCase

PROMPT = "It was a dark and stormy"
READY_SECONDS = 180


def generation(
    backend: Backend,
    *,
    new_tokens: int,
    model: str = NEO_TINY,
    name: str = "test",
    deadline_seconds: float | None = None,
) -> Generation:
    return Generation(
        request_id=name,
        deadline_seconds=deadline_seconds,
        model=model,
        prompt_token_ids=backend.encode(NEO_TINY, PROMPT),
        sampling=SamplingParams(max_new_tokens=new_tokens, seed=3, temperature=0.9),
    )


async def read_all(backend: Backend, one: Generation) -> list[TokenEvent]:
    return [event async for event in backend.generate(one)]


async def collect(events: AsyncGenerator[TokenEvent]) -> list[TokenEvent]:
    return [event async for event in events]


async def take(stream: AsyncGenerator[TokenEvent], number: int) -> list[TokenEvent]:
    """At least so many tokens."""
    events = [await anext(stream)]
    while len(ids_of(events)) < number:
        events.append(await anext(stream))
    return events


def ids_of(events: list[TokenEvent]) -> list[int]:
    return [token_id for event in events for token_id in event.token_ids]


def text_of(events: list[TokenEvent]) -> str:
    return "".join(event.text for event in events)


@pytest.mark.usefixtures("engine")
class LocalBackendTests(BaseTestCase):
    """On loops that come and go, as under a management command."""

    def setUp(self) -> None:
        super().setUp()
        self.backend = get_backend()

    def running(self) -> int:
        statuses = async_to_sync(self.backend.health)()
        return sum(status.num_running + status.num_waiting for status in statuses)

    def test_it_generates(self) -> None:
        events = async_to_sync(read_all)(
            self.backend, generation(self.backend, new_tokens=5)
        )

        self.assertEqual(sum(len(event.token_ids) for event in events), 5)
        self.assertEqual(events[-1].finish_reason, "length")
        waits = [e.queue_seconds for e in events if e.queue_seconds is not None]
        self.assertEqual(len(waits), 1)

    def test_it_reads_texts_as_the_engine_does(self) -> None:
        token_ids = self.backend.encode(NEO_TINY, PROMPT)

        spelt = b"".join(map(self.backend.token_bytes(NEO_TINY), token_ids))
        self.assertEqual(spelt.decode(), PROMPT)
        is_special = self.backend.special_tokens(NEO_TINY)
        self.assertEqual({is_special(one) for one in token_ids}, {False})
        end_of_text = self.backend.encode(NEO_TINY, "<|endoftext|>")
        self.assertEqual([is_special(one) for one in end_of_text], [True])
        self.assertEqual(self.backend.context_length(NEO_TINY), 1024)

    def test_it_aborts_what_nobody_reads_any_more(self) -> None:
        async def read_one() -> None:
            endless = generation(self.backend, new_tokens=900)
            async with aclosing(self.backend.generate(endless)) as events:
                await anext(events)

        async_to_sync(read_one)()

        async_to_sync(self.until_idle)()
        self.assertEqual(self.running(), 0)

    async def until_idle(self) -> None:
        async with asyncio.timeout(READY_SECONDS):
            while any(status.num_running for status in await self.backend.health()):
                await asyncio.sleep(0.01)

    def test_it_translates_a_refusal_of_the_engine(self) -> None:
        too_long = generation(self.backend, new_tokens=5000)

        with self.assertRaises(ApplicationError) as caught:
            async_to_sync(read_all)(self.backend, too_long)

        self.assertEqual(caught.exception.code, "context_length_exceeded")

    def test_it_says_that_a_generation_took_too_long(self) -> None:
        endless = generation(self.backend, new_tokens=900, deadline_seconds=0.05)

        with self.assertRaises(DeadlineExceeded) as caught:
            async_to_sync(read_all)(self.backend, endless)

        self.assertEqual(caught.exception.status_code, 504)
        async_to_sync(self.until_idle)()

    def test_it_is_ready_with_a_model_that_the_engine_serves(self) -> None:
        self.backend.require_ready(NEO_TINY)

    def test_it_needs_the_weights(self) -> None:
        with self.assertRaises(ModelNotInstalled) as caught:
            self.backend.require_ready("gpt-neo-125m")

        self.assertIn("models pull gpt-neo-125m", caught.exception.hint)

    def test_it_loads_a_model_that_was_installed_meanwhile(self) -> None:
        with self.installed("late-arrival", bundled_dir(NEO_TINY)):
            self.backend.require_ready("late-arrival")
            events = async_to_sync(read_all)(
                self.backend,
                generation(self.backend, new_tokens=3, model="late-arrival"),
            )

        self.assertEqual(events[-1].finish_reason, "length")

    def test_it_says_that_a_model_could_not_be_loaded(self) -> None:
        with short_folder() as folder, self.installed("broken", folder):
            (folder / "config.json").write_text("{}")
            write_parity(folder)

            with self.assertRaises(ModelLoadFailed):
                self.backend.require_ready("broken")

    def test_it_serves_nothing_that_was_not_found_to_match(self) -> None:
        with short_folder() as folder, self.installed("wrong", folder):
            shutil.copytree(bundled_dir(NEO_TINY), folder, dirs_exist_ok=True)
            write_parity(folder, fp32=False)

            with self.assertRaises(ModelNotVerified) as caught:
                self.backend.require_ready("wrong")

        self.assertIn("models verify wrong", caught.exception.hint)
        self.assertEqual(caught.exception.status_code, 503)

    def installed(self, name: str, folder: Path) -> mock._patch[object]:
        return mock.patch.object(
            checkpoints,
            "checkpoint_dir",
            lambda slug: folder if slug == name else bundled_dir(slug),
        )


class UnreachableTests(BaseTestCase):
    def test_it_says_that_there_is_no_engine(self) -> None:
        backend = LocalBackend(Path("/nonexistent/engine.sock"))

        with self.assertRaises(EngineUnavailable) as caught:
            backend.require_ready(NEO_TINY)
        self.assertEqual(caught.exception.retry_after, 2)

        with self.assertRaises(EngineUnavailable):
            async_to_sync(backend.health)()

    def test_it_refuses_to_start_with_a_socket_path_that_is_too_long(self) -> None:
        backend = LocalBackend(Path("/" + "x" * 120))

        with self.assertRaisesMessage(ImproperlyConfigured, "NEURO_ENGINE_SOCKET"):
            async_to_sync(backend.start)()


class SupervisedBackendTests(BaseTestCase):
    """On the loop that starts it, as under the web server, with an engine of its own."""

    def setUp(self) -> None:
        super().setUp()
        self.socket = self.enterContext(short_folder()) / "engine.sock"
        self.enterContext(mock.patch.object(settings, "ENGINE_PRECISION", "fp32"))

    @asynccontextmanager
    async def started(self) -> AsyncIterator[LocalBackend]:
        backend = LocalBackend(self.socket)
        await backend.start()
        try:
            await self.until_ready(backend)
            yield backend
        finally:
            await backend.stop()

    async def until_ready(self, backend: LocalBackend) -> None:
        async with asyncio.timeout(READY_SECONDS):
            while not await self.is_ready(backend):
                await asyncio.sleep(0.05)

    async def is_ready(self, backend: LocalBackend) -> bool:
        try:
            return any(status.state == "ready" for status in await backend.health())
        except EngineUnavailable:
            return False

    def pid(self, backend: LocalBackend) -> int:
        process = backend._supervisor.process
        assert process is not None
        return process.pid

    async def test_it_starts_an_engine_and_stops_it(self) -> None:
        async with self.started() as backend:
            pid = self.pid(backend)
            one = generation(backend, new_tokens=3)
            self.assertTrue(text_of(await read_all(backend, one)))

        self.assertRaises(ProcessLookupError, os.kill, pid, 0)

    async def test_it_continues_a_stream_when_the_engine_is_killed(self) -> None:
        async with self.started() as backend:
            one = generation(backend, new_tokens=60)
            whole = text_of(await read_all(backend, one))
            first_pid = self.pid(backend)

            events: list[TokenEvent] = []
            async for event in backend.generate(one):
                events.append(event)
                if len(events) == 5:
                    os.kill(first_pid, signal.SIGKILL)

            self.assertEqual(text_of(events), whole)
            self.assertEqual(events[-1].finish_reason, "length")
            await self.until_replaced(backend, first_pid)

    async def test_it_continues_sixteen_streams_when_the_engine_is_killed(self) -> None:
        """Each with the tokens that it would have had, whatever was lost."""
        async with self.started() as backend:
            alone = [self.seeded(backend, number) for number in range(16)]
            whole = await asyncio.gather(*(read_all(backend, one) for one in alone))
            first_pid = self.pid(backend)

            streams = [backend.generate(one) for one in alone]
            begun = [
                await take(stream, number) for number, stream in enumerate(streams)
            ]
            os.kill(first_pid, signal.SIGKILL)
            rest = await asyncio.gather(*(collect(stream) for stream in streams))

            for events, before, after in zip(whole, begun, rest, strict=True):
                resumed = [*before, *after]
                self.assertEqual(ids_of(resumed), ids_of(events))
                self.assertEqual(text_of(resumed), text_of(events))
                self.assertEqual(resumed[-1].finish_reason, "length")
            await self.until_replaced(backend, first_pid)

    async def until_replaced(self, backend: LocalBackend, killed: int) -> None:
        """At once, unless the machine was so busy that all had ended before."""
        async with asyncio.timeout(READY_SECONDS):
            while self.pid(backend) == killed:
                await asyncio.sleep(0.05)

    def seeded(self, backend: LocalBackend, number: int) -> Generation:
        one = generation(backend, new_tokens=60, name=f"stream{number}")
        return replace(one, sampling=replace_struct(one.sampling, seed=number))

    async def test_it_gives_up_when_every_engine_dies(self) -> None:
        with mock.patch("models_app.backends.local.MAX_RESUMES", 2):
            async with self.started() as backend:
                pids = []

                with self.assertRaises(EngineUnavailable):
                    async for event in backend.generate(
                        generation(backend, new_tokens=900)
                    ):
                        if event.token_ids and self.pid(backend) not in pids:
                            pids.append(self.pid(backend))
                            os.kill(pids[-1], signal.SIGKILL)

        self.assertEqual(len(pids), 3)

    async def test_it_gives_up_on_an_engine_that_does_not_come_back(self) -> None:
        with (
            mock.patch("models_app.backends.local.RESUME_SECONDS", 0.2),
            mock.patch("models_app.supervisor.FIRST_DELAY", READY_SECONDS),
        ):
            async with self.started() as backend:
                events = backend.generate(generation(backend, new_tokens=900))
                await anext(events)
                os.kill(self.pid(backend), signal.SIGKILL)

                with self.assertRaises(EngineUnavailable):
                    async for _ in events:
                        pass

    async def test_it_leaves_one_engine_to_several_web_workers(self) -> None:
        async with self.started() as first, self.started() as second:
            self.assertIsNone(second._supervisor.process)
            one = generation(second, new_tokens=3)
            self.assertTrue(text_of(await read_all(second, one)))

            await first.stop()

            await self.until_ready(second)
            self.assertIsNotNone(second._supervisor.process)


class RestartTests(BaseTestCase):
    def test_it_waits_longer_after_each_failure_up_to_a_bound(self) -> None:
        delays = list(islice(_delays(), 12))

        self.assertLess(delays[0], 0.5)
        self.assertEqual(delays, sorted(delays))
        self.assertEqual(delays[-1], 10.0)
