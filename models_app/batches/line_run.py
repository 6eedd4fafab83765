"""One line of a batch: begun, run and settled, each in one transaction."""

from __future__ import annotations

from contextlib import aclosing

from django.db import transaction
from django.db.models import F

from accounts.errors import ApplicationError
from accounts.models import Reservation
from models_app import services
from models_app.backends import get_backend
from models_app.batches.models import Batch, BatchLine, LineStatus
from models_app.batches.stored import read_call, write_error, write_output
from models_app.calls import Call, Caller, permit, understand
from models_app.errors import EngineUnavailable, GenerationFailed, is_temporary
from models_app.models import PredictionRecord, PredictionSource, PredictionStatus
from models_app.parameters import parse

# Below every tier's, so that whoever waits for an answer goes first.
PRIORITY = -1
# A worker that dies so often with the same line dies of it.
MAX_ATTEMPTS = 5
_STATUSES = {
    PredictionStatus.SUCCEEDED: LineStatus.SUCCEEDED,
    PredictionStatus.ABORTED: LineStatus.CANCELED,
    PredictionStatus.FAILED: LineStatus.FAILED,
}


class LineRun:
    """A line that runs. `is_to_be_repeated` says that the engine went away meanwhile."""

    def __init__(self, line: BatchLine, admission: services.Admission) -> None:
        self._line = line
        self._admission = admission
        self.is_to_be_repeated = False

    async def run(self) -> None:
        stream = services.stream(self._admission, self._settle)
        async with aclosing(stream) as events:
            async for _ in events:
                pass

    def abort(self) -> None:
        """Its stream then ends with what there is, and settles it."""
        get_backend().abort(self._admission.record.request_ids)

    @transaction.atomic
    def _settle(
        self,
        admission: services.Admission,
        status: PredictionStatus,
        error: ApplicationError | None,
    ) -> bool:
        """The result is written down in the transaction that charges for it."""
        if error and is_temporary(error):
            return self._give_back(error)
        if not services.close(admission, status, error):
            return False
        if error:
            return _update(self._line, LineStatus.FAILED, error=write_error(error))
        output = write_output(services.prediction_of(admission))
        return _update(self._line, _STATUSES[status], output=output)

    def _give_back(self, error: ApplicationError) -> bool:
        """Nothing has happened, and it is to happen later."""
        self.is_to_be_repeated = True
        services.undo(self._admission.record, self._admission.reservation)
        # A line that takes the engine down with it must come to an end.
        has_tried = isinstance(error, EngineUnavailable)
        if has_tried and self._line.attempts + 1 >= MAX_ATTEMPTS:
            return _update(self._line, LineStatus.FAILED, error=write_error(error))
        attempts = self._line.attempts + has_tried
        return _update(self._line, LineStatus.WAITING, attempts=attempts)


def begin(batch: Batch, line: BatchLine) -> LineRun | None:
    """Reserve, open the ledger's row and say so, all or nothing. None: the batch was
    canceled, or deleted, at this moment.

    Raises what `services.admit` raises.
    """
    call = _call(batch, line)
    get_backend().require_ready(call.language_model.slug)
    with transaction.atomic():
        # Locked, so that whoever cancels the batch waits, or is seen here.
        locked = Batch.objects.select_for_update().filter(pk=batch.pk)
        if not locked.filter(cancel_requested_at=None).values_list("pk"):
            return None
        admission = services.begin(
            call, public_id=line.prediction_id, priority=PRIORITY
        )
        line.reservation_id = admission.reservation.pk
        BatchLine.objects.filter(pk=line.pk).update(
            status=LineStatus.RUNNING,
            reservation_id=line.reservation_id,
            attempts=F("attempts") + 1,
        )
    return LineRun(line, admission)


def fail(line: BatchLine, error: ApplicationError) -> None:
    _update(line, LineStatus.FAILED, error=write_error(error))


@transaction.atomic
def undo(line: BatchLine) -> None:
    """Forget what a worker that died had reserved and opened; the line waits again."""
    record = PredictionRecord.objects.filter(public_id=line.prediction_id).first()
    reserved = Reservation.objects.filter(pk=line.reservation_id or 0).first()
    if record is not None:
        services.undo(record, reserved)
    if line.attempts >= MAX_ATTEMPTS:
        fail(line, GenerationFailed())
    else:
        _update(line, LineStatus.WAITING)


def _call(batch: Batch, line: BatchLine) -> Call:
    """The call as it was uploaded, and as far as it is still allowed."""
    caller = Caller(
        user=batch.user,
        project=batch.project,
        source=PredictionSource.BATCH,
        api_token=batch.api_token,
    )
    stored = read_call(line.call)
    entry = permit(caller, line.language_model.slug)
    return understand(caller, entry, stored.inputs, parse(stored.parameters))


def _update(line: BatchLine, status: LineStatus, **changes: object) -> bool:
    """Unless it is another attempt's by now, or gone with its account."""
    mine = BatchLine.objects.filter(
        pk=line.pk,
        status__in=(LineStatus.WAITING, LineStatus.RUNNING),
        reservation_id=line.reservation_id,
    )
    return bool(mine.update(status=status, reservation_id=None, **changes))
