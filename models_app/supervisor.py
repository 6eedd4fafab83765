"""Keeps one process running for all web processes, and starts it again when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from asgiref.sync import sync_to_async
from django.conf import settings

logger = logging.getLogger(__name__)

LOCK_POLL_SECONDS = 0.5
FIRST_DELAY = 0.1
LONGEST_DELAY = 10.0
# A process that lived as long as this did not fail because of how it was started.
STABLE_SECONDS = 60.0


class Supervisor:
    """One process for all web workers: whoever holds the lock looks after it.

    The process inherits the lock, so a web process that was killed is not followed by
    a second one before the first, which watches its parent, has gone. `command` is asked
    anew for each start.
    """

    def __init__(
        self,
        name: str,
        lock_path: Path,
        command: Callable[[], list[str]],
        *,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._lock_path = lock_path
        self._command = command
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
            # Ctrl+C reaches this process alone, which then stops the other in order.
            start_new_session=True,
        )
        logger.info("%s started with pid %s", self._name, self.process.pid)
        try:
            code = await self.process.wait()
        except asyncio.CancelledError:
            await self._end(self.process)
            raise
        logger.error("%s ended with status %s; starting another", self._name, code)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), settings.GRACE_SECONDS + 2)
        except TimeoutError:
            logger.warning("%s did not stop in time and is killed", self._name)
            process.kill()
            await process.wait()


def _delays() -> Iterator[float]:
    delay = FIRST_DELAY
    while True:
        yield delay
        delay = min(2 * delay, LONGEST_DELAY)


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
