"""The one thread that owns the models and runs their steps. Queues are its only door."""

from __future__ import annotations

import importlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from inference.config import EngineConfig
from inference.errors import EngineError, EngineFailed, ModelNotLoaded
from inference.messages import Abort, ModelStatus, Submit, TokenEvent, error_event

if TYPE_CHECKING:
    from inference.engine import Engine

logger = logging.getLogger(__name__)

Deliver = Callable[[list[TokenEvent]], None]
Command = Callable[[], list[TokenEvent]]
LoadEngine = Callable[[Path, EngineConfig], "Engine"]


def import_and_load(path: Path, config: EngineConfig) -> Engine:
    """Importing torch takes a second, so it waits until a model is loaded."""
    engine: Engine = importlib.import_module("inference.engine").load_engine(
        path, config
    )
    return engine


class Worker:
    """Other threads call `submit`, `abort`, `load`, `unload`; events come out at
    `deliver`, which runs on the worker's thread and must not block."""

    def __init__(
        self,
        config: EngineConfig,
        deliver: Deliver,
        load_engine: LoadEngine = import_and_load,
    ) -> None:
        self._config = config
        self._deliver = deliver
        self._load_engine = load_engine
        self._engines: dict[str, Engine] = {}
        self._states: dict[str, ModelStatus] = {}
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
        """Load in a side thread; the running models keep stepping meanwhile."""
        if name in self._engines or self._is_loading(name):
            return
        self._states[name] = ModelStatus(name=name, state="loading")
        loading = threading.Thread(target=self._load, args=(name, path), daemon=True)
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
            failure = EngineFailed(f"a step failed: {error}")
            return [error_event(name, failure) for name in engine.drop_all()]

    def _submit(self, submit: Submit) -> list[TokenEvent]:
        try:
            if submit.model not in self._engines:
                raise ModelNotLoaded(f"no model {submit.model!r} is loaded")
            self._engines[submit.model].add(submit)
        except EngineError as error:
            return [error_event(submit.request_id, error)]
        return []

    def _abort(self, abort: Abort) -> list[TokenEvent]:
        events = (engine.abort(abort.request_id) for engine in self._engines.values())
        return [event for event in events if event is not None]

    def _load(self, name: str, path: Path) -> None:
        started = time.monotonic()
        try:
            engine = self._load_engine(path, self._config)
        except Exception as error:
            logger.exception("loading %s failed", name)
            self._states[name] = ModelStatus(
                name=name, state="failed", error=str(error)
            )
            return
        seconds = time.monotonic() - started
        state = ModelStatus(name=name, state="ready", load_seconds=seconds)
        self._commands.put(lambda: self._install(name, engine, state))

    def _install(
        self, name: str, engine: Engine, state: ModelStatus
    ) -> list[TokenEvent]:
        self._engines[name], self._states[name] = engine, state
        return []

    def _unload(self, name: str) -> list[TokenEvent]:
        self._states.pop(name, None)
        engine = self._engines.pop(name, None)
        if engine is None:
            return []
        gone = ModelNotLoaded(f"{name!r} was unloaded")
        return [error_event(request_id, gone) for request_id in engine.drop_all()]

    def _is_loading(self, name: str) -> bool:
        return name in self._states and self._states[name].state == "loading"
