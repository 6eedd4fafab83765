"""Lines of one batch that run beside each other for a while."""

from __future__ import annotations

import asyncio
import logging
import time

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from accounts.errors import ApplicationError, LimitReached
from accounts.models import Reservation
from models_app.batches.line_run import LineRun, begin, fail
from models_app.batches.models import Batch, LineStatus
from models_app.errors import GenerationFailed, is_temporary

logger = logging.getLogger(__name__)

# After that another batch has its turn.
SLICE_SECONDS = 10.0
# How often cancellation is noticed.
LOOK_SECONDS = 0.2
RETRY_SECONDS = 2.0
# Tiers change, and limits of staff: nobody waits until midnight for nothing.
LONGEST_WAIT_SECONDS = 60.0
SHORTEST_WAIT_SECONDS = 5.0


class Slice:
    """`seconds_to_wait` says, after `run`, when the batch has its next turn."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._ends_at = time.monotonic() + SLICE_SECONDS
        self._running: dict[asyncio.Task[None], LineRun] = {}
        self._waits_for = batch.waits_for
        self.seconds_to_wait = 0.0

    async def run(self) -> None:
        looking = asyncio.create_task(self._look())
        try:
            while await self._fill():
                ended, _ = await asyncio.wait(
                    self._running, return_when=asyncio.FIRST_COMPLETED
                )
                for task in ended:
                    self._take(self._running.pop(task), task)
        finally:
            # Left alone they would be canceled, and end as if their owner wished it.
            await asyncio.gather(*self._running, return_exceptions=True)
            looking.cancel()

    async def _fill(self) -> bool:
        """Whether anything runs, with as much begun beside it as may run at once."""
        while len(self._running) < settings.WORKER_BATCH_LINES and self._goes_on:
            begun = await sync_to_async(self._begin_next)()
            if begun is None:
                break
            self._running[asyncio.create_task(begun.run())] = begun
        return bool(self._running)

    @property
    def _goes_on(self) -> bool:
        return not self.seconds_to_wait and time.monotonic() < self._ends_at

    def _take(self, run: LineRun, task: asyncio.Task[None]) -> None:
        if error := task.exception():
            logger.error("a line of batch %s is run again", self._batch, exc_info=error)
        if error or run.is_to_be_repeated:
            self.seconds_to_wait = RETRY_SECONDS

    def _begin_next(self) -> LineRun | None:
        """The next line that can begin; those that never can fail here."""
        while self._has_room() and self._goes_on and not self._batch.is_over:
            waiting = self._batch.lines.filter(status=LineStatus.WAITING)
            line = waiting.select_related("language_model").order_by("number").first()
            if line is None:
                return None
            try:
                begun = begin(self._batch, line)
            except DatabaseError:
                raise
            except ApplicationError as error:
                if self._waits(error):
                    return None
                fail(line, error)
            except Exception:
                logger.exception("line %s of %s failed", line.number, self._batch)
                fail(line, GenerationFailed())
            else:
                self._say("")
                return begun
        return None

    def _has_room(self) -> bool:
        """Beside predictions of anybody else, one line at once is enough."""
        if not self._running:
            return True
        live = Reservation.objects.live(timezone.now())
        return live.count() <= len(self._running)

    def _waits(self, error: ApplicationError) -> bool:
        """Whether the line can begin later. What runs may be what it has to wait for."""
        if isinstance(error, LimitReached):
            seconds = max(SHORTEST_WAIT_SECONDS, error.report.retry_after)
        elif is_temporary(error):
            seconds = RETRY_SECONDS
        else:
            return False
        if not self._running:
            self.seconds_to_wait = min(seconds, LONGEST_WAIT_SECONDS)
            self._say(error.message)
        return True

    def _say(self, waits_for: str) -> None:
        """To whoever reads the batch, why nothing happens."""
        if waits_for != self._waits_for:
            self._waits_for = waits_for[:300]
            Batch.objects.filter(pk=self._batch.pk).update(waits_for=self._waits_for)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await sync_to_async(self._obey)()
            except DatabaseError:
                logger.exception("batch %s could not be followed", self._batch)

    def _obey(self) -> None:
        """If it is canceled, or gone with its account, abort what runs of it."""
        here = Batch.objects.filter(pk=self._batch.pk, cancel_requested_at=None)
        if not here.exists():
            self._ends_at = 0.0
            for run in self._running.values():
                run.abort()
