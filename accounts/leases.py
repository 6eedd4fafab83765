"""Reservations end by themselves: a live prediction renews its own.

What a process that died left reserved is given back when its account would be refused
otherwise, or when somebody's settlement sweeps.
"""

from __future__ import annotations

import asyncio
import datetime
import logging

from asgiref.sync import sync_to_async
from django.db import DatabaseError, transaction
from django.utils import timezone

from accounts import days
from accounts.models import Reservation
from accounts.windows import MINUTE

logger = logging.getLogger(__name__)

LEASE = datetime.timedelta(minutes=3)
RENEWAL_SECONDS = 60.0
# One in so many settlements sweeps what no longer counts.
SWEEP_EVERY = 64


async def keep(reservation: Reservation) -> None:
    """Renew the reservation for as long as this runs; cancel it when the call ends."""
    while True:
        await asyncio.sleep(RENEWAL_SECONDS)
        try:
            await sync_to_async(renew)(reservation)
        except DatabaseError:
            logger.exception("reservation %s could not be renewed", reservation.pk)


def renew(reservation: Reservation) -> None:
    live = Reservation.objects.filter(pk=reservation.pk, settled_at=None)
    live.update(expires_at=timezone.now() + LEASE)


def sweep() -> None:
    """Forget settled reservations that no longer count; give back expired ones."""
    now = timezone.now()
    Reservation.objects.exclude(settled_at=None).filter(
        created_at__lt=now - MINUTE
    ).delete()
    for user_id in set(Reservation.objects.expired(now).values_list("user", flat=True)):
        release_expired(user_id)


@transaction.atomic
def release_expired(user_id: int) -> int:
    """Give back what dead processes left reserved; how many reservations that were."""
    # Whoever settles one of them at this moment has it, and goes first.
    expired = list(
        Reservation.objects.expired(timezone.now())
        .filter(user=user_id)
        .select_for_update(skip_locked=True)
    )
    if expired:
        Reservation.objects.filter(pk__in=[one.pk for one in expired]).delete()
        days.release(expired)
    return len(expired)
