"""The worker process: takes tasks from the queue and runs some at once."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import close_old_connections

from models_app.tasks import queue
from models_app.tasks.due import Choose, TaskRow
from models_app.tasks.mailboxes import Mailbox

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
CHORES_SECONDS = 60.0
Chore = Callable[[], object]
# Of which queues not everything may begin beside the tasks that run, given with theirs.
Sharing = Callable[[Mapping[uuid.UUID, str]], Mapping[str, Choose]]


class Worker:
    """Runs as many tasks of each queue at once as `capacity` and `sharing` say.

    What it holds when its process dies is put back by the next look of any worker.
    Each task has a thread, and what is asynchronous in any of them runs on the one event
    loop of this worker, on which `attach` is awaited first.
    """

    def __init__(
        self,
        capacity: Mapping[str, int],
        chores: Sequence[Chore],
        attach: Callable[[], Coroutine[Any, Any, None]] | None = None,
        sharing: Sharing = lambda running: {},
    ) -> None:
        self._capacity = capacity
        self._chores = chores
        self._mailbox = Mailbox()
        self._attach = attach
        self._sharing = sharing
        self._loop = asyncio.new_event_loop()
        self._carry_out_in_thread = sync_to_async(
            _carry_out,
            thread_sensitive=False,
            executor=ThreadPoolExecutor(sum(capacity.values())),
        )
        self._active: dict[uuid.UUID, str] = {}
        # Whether the end of a task makes room for another one.
        self._has_held_back = True
        self._stopping = threading.Event()
        self._look_due = 0.0
        self._chores_due = 0.0

    def run(self) -> None:
        """Until `stop`; then what runs has a while to end."""
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        if self._attach:
            asyncio.run_coroutine_threadsafe(self._attach(), self._loop).result()
        logger.info("%s takes tasks", self._mailbox.name)
        while not self._stopping.is_set():
            close_old_connections()
            self._look_after()
            while self._start_one():
                pass
            self._mailbox.wait(POLL_SECONDS)
        deadline = time.monotonic() + settings.GRACE_SECONDS
        while self._active and (left := deadline - time.monotonic()) > 0:
            self._mailbox.wait(left)
        self._mailbox.close()
        self._loop.call_soon_threadsafe(self._loop.stop)

    def stop(self) -> None:
        self._stopping.set()
        self._mailbox.wake()

    def _look_after(self) -> None:
        now = time.monotonic()
        if now >= self._look_due:
            self._look_due = now + POLL_SECONDS
            queue.release_abandoned(self._mailbox.name, set(self._active))
        if now >= self._chores_due:
            self._chores_due = now + CHORES_SECONDS
            for chore in self._chores:
                chore()

    def _start_one(self) -> bool:
        # Before it looks, so that what ends meanwhile has it look again.
        self._has_held_back = True
        active = dict(self._active)
        running = Counter(active.values())
        open_queues = [
            name for name, most in self._capacity.items() if running[name] < most
        ]
        if self._stopping.is_set() or not open_queues:
            return False
        shared = self._sharing(active)
        self._has_held_back = bool(shared) or len(open_queues) < len(self._capacity)
        claimed = queue.claim(self._mailbox.name, open_queues, shared)
        if claimed is None:
            return False
        self._active[claimed.pk] = claimed.queue_name
        # From its thread, `async_to_sync` leads to the loop that it was started from.
        asyncio.run_coroutine_threadsafe(self._carry_out(claimed), self._loop)
        return True

    async def _carry_out(self, claimed: TaskRow) -> None:
        try:
            await self._carry_out_in_thread(claimed)
        finally:
            del self._active[claimed.pk]
            if self._has_held_back or self._stopping.is_set():
                self._mailbox.wake()


def _carry_out(claimed: TaskRow) -> None:
    try:
        close_old_connections()
        queue.carry_out(claimed)
    except Exception:
        logger.exception("task %s (%s) failed", claimed.pk, claimed.task_path)


def end_process() -> None:
    """Without waiting for threads: the queue has what they had not finished."""
    logging.shutdown()
    os._exit(0)
