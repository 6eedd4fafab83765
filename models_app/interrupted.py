"""Direct predictions whose process died: nobody else closes their rows."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from accounts import quota
from accounts.leases import LEASE
from accounts.models import Reservation
from models_app import usage_hours
from models_app.errors import Interrupted
from models_app.models import PredictionRecord, PredictionStatus

_CLOSED = {
    "status": PredictionStatus.FAILED,
    "error_code": Interrupted.default_code,
    "finish_reason": "error",
}


def close_interrupted() -> int:
    """Close those whose reservation nobody renewed, and give it back; how many.

    A process that lives renews in time, so what runs in another one stays untouched.
    """
    now = timezone.now()
    live = Reservation.objects.live(now).filter(pk=OuterRef("reservation_id"))
    abandoned = PredictionRecord.objects.filter(
        ~Exists(live),
        status=PredictionStatus.RUNNING,
        created_at__lt=now - LEASE,
        reservation_id__isnull=False,
    )
    return sum(map(_close, list(abandoned.values_list("pk", flat=True))))


@transaction.atomic
def _close(pk: int) -> bool:
    """In the order in which `services.close` takes the rows."""
    running = PredictionRecord.objects.filter(pk=pk, status=PredictionStatus.RUNNING)
    # Not its account and the rest, which others may hold.
    record = running.select_for_update(of=("self",)).select_related("user").first()
    if record is None:
        return False
    own = Reservation.objects.filter(pk__in=[record.reservation_id])
    reservation = own.select_for_update().first()
    if reservation is not None and reservation.expires_at > timezone.now():
        return False
    for name, value in _CLOSED.items():
        setattr(record, name, value)
    record.save(update_fields=list(_CLOSED))
    if reservation is not None:
        quota.refund(reservation)
    usage_hours.count(record)
    return True
