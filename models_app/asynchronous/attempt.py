"""One run of an asynchronous prediction: its events are written down, its end settled."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing

from asgiref.sync import sync_to_async
from django.db import DatabaseError, transaction

from accounts.errors import ApplicationError
from accounts.prepared import INTEGER, Given, PreparedRows
from models_app import services
from models_app.asynchronous.event_log import EventLog
from models_app.asynchronous.finishing import finish
from models_app.asynchronous.models import AsyncPrediction, AsyncStatus
from models_app.backends import get_backend
from models_app.errors import is_temporary
from models_app.models import PredictionStatus
from models_app.predictions import Finished, Started, TextDelta

logger = logging.getLogger(__name__)

# How often events are written down, and cancellation is noticed.
LOOK_SECONDS = 0.1
_STATUSES = {
    PredictionStatus.SUCCEEDED: AsyncStatus.SUCCEEDED,
    PredictionStatus.ABORTED: AsyncStatus.CANCELED,
    PredictionStatus.FAILED: AsyncStatus.FAILED,
}
_cancel_requested_at = PreparedRows(
    lambda: AsyncPrediction.objects.filter(pk=Given("pk", INTEGER)).values_list(
        "cancel_requested_at", flat=True
    )
)


class Attempt:
    def __init__(
        self,
        prediction: AsyncPrediction,
        admission: services.Admission,
        log: EventLog,
    ) -> None:
        self._prediction = prediction
        self._admission = admission
        self._log = log
        self.is_to_be_repeated = False

    async def run(self) -> None:
        looking = asyncio.create_task(self._look())
        try:
            stream = services.stream(self._admission, self._settle)
            async with aclosing(stream) as events:
                async for event in events:
                    if isinstance(event, Started | TextDelta | Finished):
                        self._log.add(event)
        finally:
            looking.cancel()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await sync_to_async(self._save_and_obey)()
            except DatabaseError:
                logger.exception("%s could not be followed", self._prediction)

    def _save_and_obey(self) -> None:
        """If it is canceled, late, or gone with its account, abort it: its stream then
        ends with what there is, and settles it."""
        found = _cancel_requested_at.fetch(pk=self._prediction.pk)
        if found:
            self._log.save()
        if not found or found[0] or self._prediction.is_late:
            get_backend().abort(self._admission.record.request_ids)

    def _settle(
        self,
        admission: services.Admission,
        status: PredictionStatus,
        error: ApplicationError | None,
    ) -> bool:
        """The result is written down in the transaction that charges for it."""
        with transaction.atomic():
            if error and is_temporary(error):
                return self._give_back()
            if not services.close(admission, status, error):
                return False
            self._log.save()
            output = None if error else services.prediction_of(admission)
            return finish(
                self._prediction, _STATUSES[status], output=output, error=error
            )

    def _give_back(self) -> bool:
        """The engine went away: nothing has happened, and it is to happen later."""
        self.is_to_be_repeated = True
        services.undo(self._admission.record, self._admission.reservation)
        return bool(
            AsyncPrediction.objects.filter(pk=self._prediction.pk).update(
                status=AsyncStatus.STARTING, reservation_id=None
            )
        )
