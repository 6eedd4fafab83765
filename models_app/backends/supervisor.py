"""Starts the engine process, and starts it again whenever it ends."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import itertools
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from asgiref.sync import sync_to_async
from django.conf import settings

from models_app.models import LanguageModel
from models_app.parity import Parity, parity_of, verify_command
from models_app.weights import checkpoint_dir

logger = logging.getLogger(__name__)

GRACE_SECONDS = 10
LOCK_POLL_SECONDS = 0.5
FIRST_DELAY = 0.1
LONGEST_DELAY = 10.0
# An engine that lived as long as this did not fail because of how it was started.
STABLE_SECONDS = 60.0


class EngineSupervisor:
    """One engine for all web workers: whoever holds the lock looks after it.

    The engine inherits the lock, so a web process that was killed is not followed by
    a second engine before the first, which watches its parent, has gone.
    """

    def __init__(
        self, socket_path: Path, *, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._socket_path = socket_path
        self._lock_path = socket_path.with_suffix(".lock")
        self._timer = timer
        self._task: asyncio.Task[None] | None = None
        self.process: asyncio.subprocess.Process | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._supervise())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _supervise(self) -> None:
        async with _lock(self._lock_path) as descriptor:
            delays = _delays()
            while True:
                started_at = self._timer()
                await self._run_once(descriptor)
                if self._timer() - started_at > STABLE_SECONDS:
                    delays = _delays()
                await asyncio.sleep(next(delays))

    async def _run_once(self, lock_descriptor: int) -> None:
        command = await sync_to_async(self._command)()
        self.process = await asyncio.create_subprocess_exec(
            *command,
            cwd=settings.BASE_DIR,
            pass_fds=(lock_descriptor,),
            # Ctrl+C reaches this process alone, which then stops the engine in order.
            start_new_session=True,
        )
        logger.info("engine started with pid %s", self.process.pid)
        try:
            code = await self.process.wait()
        except asyncio.CancelledError:
            await _end(self.process)
            raise
        logger.error("engine ended with status %s; starting another", code)

    def _command(self) -> list[str]:
        arguments = {
            "--socket": self._socket_path,
            "--precision": settings.ENGINE_PRECISION,
            "--slots": settings.ENGINE_SLOTS,
            "--threads": settings.ENGINE_THREADS,
            "--grace-seconds": GRACE_SECONDS,
        }
        pairs = itertools.chain.from_iterable(arguments.items())
        return [
            sys.executable,
            "-m",
            "inference.server",
            *map(str, pairs),
            *([] if settings.ENGINE_PREFIX_CACHE else ["--no-prefix-cache"]),
            *_model_arguments(),
        ]


def _model_arguments() -> Iterator[str]:
    """Every model that may be served, the smallest first, so that one can serve soon."""
    for language_model in LanguageModel.objects.enabled().order_by("num_parameters"):
        slug = language_model.slug
        folder = checkpoint_dir(slug)
        if folder is None:
            continue
        if (parity := parity_of(folder)) is Parity.MATCHES:
            yield from ("--model", f"{slug}={folder}")
        else:
            reason, command = parity.reason, verify_command(slug)
            logger.error("%s %s and is not served; run: %s", slug, reason, command)


def _delays() -> Iterator[float]:
    delay = FIRST_DELAY
    while True:
        yield delay
        delay = min(2 * delay, LONGEST_DELAY)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), GRACE_SECONDS + 2)
    except TimeoutError:
        logger.warning("engine did not stop in time and is killed")
        process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def _lock(path: Path) -> AsyncIterator[int]:
    """Wait until nobody else holds the file's lock, then hold it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not _try_lock(descriptor):
            await asyncio.sleep(LOCK_POLL_SECONDS)
        yield descriptor
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
