"""The worker's thread without a process around it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from unittest.mock import patch

from inference.config import EngineConfig
from inference.engine import Engine
from inference.errors import EngineFailed
from inference.messages import Submit, TokenEvent
from inference.tests.fakes import engine_config, submit, toy_engine
from inference.worker import FIRST_RETRY_SECONDS, Worker


class Loader:
    """Fails as often as it is told to, and then loads."""

    def __init__(self, num_failures: int) -> None:
        self.num_failures = num_failures
        self.num_calls = 0

    def __call__(self, path: Path, config: EngineConfig) -> Engine:
        self.num_calls += 1
        if self.num_calls <= self.num_failures:
            raise OSError("no such disk")
        return toy_engine()


class Scenario:
    def __init__(self, loader: Loader) -> None:
        self.now = 0.0
        self.events: SimpleQueue[TokenEvent] = SimpleQueue()
        self.worker = Worker(
            engine_config(), self._deliver, loader, timer=lambda: self.now
        )

    def load(self) -> str:
        """Ask for the model, and wait until that has led to something."""
        self.worker.load("toy", Path("nowhere"))
        for thread in threading.enumerate():
            if thread.name == "load toy":
                thread.join()
        (status,) = self.worker.describe()
        return status.state

    def _deliver(self, events: list[TokenEvent]) -> None:
        for event in events:
            self.events.put(event)


@contextmanager
def running(loader: Loader) -> Iterator[Scenario]:
    scenario = Scenario(loader)
    scenario.worker.start()
    yield scenario
    scenario.worker.stop()


def test_it_tries_a_failed_load_again_once_the_back_off_is_over() -> None:
    loader = Loader(num_failures=1)
    with running(loader) as scenario:
        assert scenario.load() == "failed"
        assert scenario.load() == "failed"
        assert loader.num_calls == 1

        scenario.now = FIRST_RETRY_SECONDS
        assert scenario.load() != "failed"
        assert loader.num_calls == 2


def test_it_waits_longer_after_each_failure() -> None:
    loader = Loader(num_failures=10)
    with running(loader) as scenario:
        scenario.load()
        scenario.now = FIRST_RETRY_SECONDS
        scenario.load()

        scenario.now += FIRST_RETRY_SECONDS
        scenario.load()
        assert loader.num_calls == 2

        scenario.now += FIRST_RETRY_SECONDS
        scenario.load()
        assert loader.num_calls == 3


def test_it_says_at_once_that_a_request_is_taken_in() -> None:
    with running(Loader(num_failures=0)) as scenario:
        scenario.load()
        scenario.worker.submit(submit("a", "hello"))

        assert scenario.events.get() == TokenEvent(request_id="a")
        assert scenario.events.get().token_ids


def test_it_goes_on_after_a_request_that_cannot_be_taken_in() -> None:
    def refuse(_: Submit) -> None:
        raise RuntimeError("a defect")

    with running(Loader(num_failures=0)) as scenario:
        scenario.load()
        scenario.worker.submit(submit("a", "hello"))
        while not scenario.events.get().finish_reason:
            pass
        (engine,) = scenario.worker._engines.values()

        with patch.object(engine, "add", refuse):
            scenario.worker.submit(submit("b", "hello"))
            failed = scenario.events.get()
        scenario.worker.submit(submit("c", "hello"))

        assert (failed.request_id, failed.finish_reason) == ("b", "error")
        assert failed.error_code == EngineFailed.code
        assert "a defect" in (failed.error or "")
        assert scenario.events.get() == TokenEvent(request_id="c")
