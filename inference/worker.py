"""The one thread that owns the models and runs their steps. Queues are its only door."""

from __future__ import annotations

import importlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from inference.config import EngineConfig
from inference.errors import EngineError, EngineFailed, ModelNotLoaded
from inference.memory import settle
from inference.messages import Abort, ModelStatus, Submit, TokenEvent, error_event

if TYPE_CHECKING:
    from inference.engine import Engine

logger = logging.getLogger(__name__)

FIRST_RETRY_SECONDS = 5.0
LAST_RETRY_SECONDS = 300.0

Deliver = Callable[[list[TokenEvent]], None]
Command = Callable[[], list[TokenEvent]]
LoadEngine = Callable[[Path, EngineConfig], "Engine"]


def import_and_load(path: Path, config: EngineConfig) -> Engine:
    """Importing torch takes a second, so it waits until a model is loaded."""
    engine: Engine = importlib.import_module("inference.engine").load_engine(
        path, config
    )
    return engine


class Failure(NamedTuple):
    """A load that failed: how often in a row, and when the next one may be tried."""

    number: int
    retry_at: float

    @classmethod
    def after(cls, earlier: Failure | None, now: float) -> Failure:
        number = earlier.number + 1 if earlier else 1
        delay = min(FIRST_RETRY_SECONDS * 2 ** (number - 1), LAST_RETRY_SECONDS)
        return cls(number, now + delay)


class Worker:
    """Other threads call `submit`, `abort`, `load`, `unload`; events come out at
    `deliver`, which runs on the worker's thread and must not block."""

    def __init__(
        self,
        config: EngineConfig,
        deliver: Deliver,
        load_engine: LoadEngine = import_and_load,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._deliver = deliver
        self._load_engine = load_engine
        self._engines: dict[str, Engine] = {}
        self._states: dict[str, ModelStatus] = {}
        self._timer = timer
        self._failures: dict[str, Failure] = {}
        self._commands: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns once the current step has ended."""
        self._commands.put(None)
        self._thread.join()

    def submit(self, submit: Submit) -> None:
        self._commands.put(lambda: self._submit(submit))

    def abort(self, abort: Abort) -> None:
        self._commands.put(lambda: self._abort(abort))

    def load(self, name: str, path: Path) -> None:
        """Load in a side thread; the running models keep stepping meanwhile. After a
        failure, asking does nothing until the back-off is over."""
        if name in self._engines or self._is_loading(name) or self._backs_off(name):
            return
        self._states[name] = ModelStatus(name=name, state="loading")
        loading = threading.Thread(
            target=self._load, args=(name, path), name=f"load {name}", daemon=True
        )
        loading.start()

    def unload(self, name: str) -> None:
        self._commands.put(lambda: self._unload(name))

    def describe(self) -> list[ModelStatus]:
        """Every model known, in the order of loading; callable from any thread."""
        engines = dict(self._engines)
        return [
            engines[name].describe(name, state.load_seconds)
            if name in engines
            else state
            for name, state in list(self._states.items())
        ]

    def _run(self) -> None:
        while self._obey():
            for engine in list(self._engines.values()):
                if engine.has_work:
                    self._deliver(self._step(engine))

    def _obey(self) -> bool:
        """Carry out what was asked; wait for something to do. False means stop."""
        while True:
            idle = not any(engine.has_work for engine in self._engines.values())
            try:
                command = self._commands.get(block=idle)
            except queue.Empty:
                return True
            if command is None:
                return False
            if events := command():
                self._deliver(events)

    def _step(self, engine: Engine) -> list[TokenEvent]:
        try:
            return engine.step()
        except Exception as error:
            logger.exception("a step failed")
            return engine.drop_all(EngineFailed(f"a step failed: {error}"))

    def _submit(self, submit: Submit) -> list[TokenEvent]:
        try:
            if submit.model not in self._engines:
                raise ModelNotLoaded(f"no model {submit.model!r} is loaded")
            self._engines[submit.model].add(submit)
        except EngineError as error:
            return [error_event(submit.request_id, error)]
        except Exception as error:
            logger.exception("a request could not be taken in")
            failure = EngineFailed(f"the request could not be taken in: {error}")
            return [error_event(submit.request_id, failure)]
        return [TokenEvent(request_id=submit.request_id)]

    def _abort(self, abort: Abort) -> list[TokenEvent]:
        events = (engine.abort(abort.request_id) for engine in self._engines.values())
        return [event for event in events if event is not None]

    def _load(self, name: str, path: Path) -> None:
        started = self._timer()
        try:
            engine = self._load_engine(path, self._config)
        except Exception as error:
            logger.exception("loading %s failed", name)
            self._failures[name] = Failure.after(
                self._failures.get(name), self._timer()
            )
            self._states[name] = ModelStatus(
                name=name, state="failed", error=str(error)
            )
            return
        self._failures.pop(name, None)
        seconds = self._timer() - started
        state = ModelStatus(name=name, state="ready", load_seconds=seconds)
        self._commands.put(lambda: self._install(name, engine, state))

    def _install(
        self, name: str, engine: Engine, state: ModelStatus
    ) -> list[TokenEvent]:
        self._engines[name], self._states[name] = engine, state
        settle()
        return []

    def _unload(self, name: str) -> list[TokenEvent]:
        self._states.pop(name, None)
        self._failures.pop(name, None)
        engine = self._engines.pop(name, None)
        if engine is None:
            return []
        events = engine.drop_all(ModelNotLoaded(f"{name!r} was unloaded"))
        del engine
        settle()
        return events

    def _is_loading(self, name: str) -> bool:
        return name in self._states and self._states[name].state == "loading"

    def _backs_off(self, name: str) -> bool:
        failure = self._failures.get(name)
        return failure is not None and self._timer() < failure.retry_at
