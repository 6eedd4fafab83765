"""Tokens a day: reserve the worst case, then settle what was really used.

One conditional UPDATE decides, so concurrent calls cannot pass the limit together.
Days are days of UTC.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F
from django.db.models.expressions import Combinable
from django.utils import timezone

from accounts.errors import QuotaExceeded
from accounts.models import Reservation, UsageDay, User

# Longer than any prediction runs: what is older was left by a process that died.
RESERVATION_LIFETIME = datetime.timedelta(hours=1)
# From this share of the quota on, the dashboard warns.
NEAR = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaStatus:
    """An account's token quota today."""

    tokens_used: int
    tokens_reserved: int
    tokens_per_day: int
    predictions: int
    resets_at: datetime.datetime

    @property
    def tokens_left(self) -> int:
        return max(0, self.tokens_per_day - self.tokens_used - self.tokens_reserved)

    @property
    def is_near(self) -> bool:
        return self.tokens_used >= NEAR * self.tokens_per_day

    @property
    def is_full(self) -> bool:
        return self.tokens_used >= self.tokens_per_day


def reserve(*, user: User, tokens: int) -> Reservation:
    """Set `tokens` aside, or raise `QuotaExceeded` and change nothing."""
    usage_day, _ = UsageDay.objects.get_or_create(user=user, day=_today())
    reservation = _try_reserve(usage_day, user, tokens)
    if reservation is None and _release_expired(usage_day):
        reservation = _try_reserve(usage_day, user, tokens)
    if reservation is None:
        raise _refusal(user, tokens)
    return reservation


def settle(reservation: Reservation, *, used: int) -> None:
    """Turn a reservation into use. Settling twice charges once."""
    _release(
        reservation,
        tokens_used=F("tokens_used") + min(used, reservation.tokens),
        predictions=F("predictions") + 1,
    )


def refund(reservation: Reservation) -> None:
    """Give the whole reservation back: the call came to nothing."""
    _release(reservation)


def status(user: User) -> QuotaStatus:
    usage_day = UsageDay.objects.filter(user=user, day=_today()).first() or UsageDay()
    return QuotaStatus(
        tokens_used=usage_day.tokens_used,
        tokens_reserved=usage_day.tokens_reserved,
        tokens_per_day=user.limits.tokens_per_day,
        predictions=usage_day.predictions,
        resets_at=_next_midnight(),
    )


def _try_reserve(usage_day: UsageDay, user: User, tokens: int) -> Reservation | None:
    ceiling = user.limits.tokens_per_day - tokens
    with transaction.atomic(savepoint=False):
        is_granted = UsageDay.objects.filter(
            pk=usage_day.pk, tokens_used__lte=ceiling - F("tokens_reserved")
        ).update(tokens_reserved=F("tokens_reserved") + tokens)
        if not is_granted:
            return None
        return Reservation.objects.create(usage_day=usage_day, tokens=tokens)


def _release(reservation: Reservation, **changes: Combinable) -> None:
    """Whoever deletes the row owns its tokens, so only one of two callers does."""
    with transaction.atomic(savepoint=False):
        deleted, _ = Reservation.objects.filter(pk=reservation.pk).delete()
        if deleted:
            UsageDay.objects.filter(pk=reservation.usage_day_id).update(
                tokens_reserved=F("tokens_reserved") - reservation.tokens, **changes
            )


def _release_expired(usage_day: UsageDay) -> bool:
    expired = usage_day.reservations.filter(
        created_at__lt=timezone.now() - RESERVATION_LIFETIME
    )
    for reservation in expired:
        refund(reservation)
    return bool(expired)


def _refusal(user: User, tokens: int) -> QuotaExceeded:
    today = status(user)
    return QuotaExceeded(
        f"This call may need {tokens:,} tokens and {today.tokens_left:,} of today's "
        f"{today.tokens_per_day:,} are left on your {user.get_tier_display()} tier.",
        retry_after=int((today.resets_at - timezone.now()).total_seconds()) + 1,
    )


def _today() -> datetime.date:
    return timezone.now().astimezone(datetime.UTC).date()


def _next_midnight() -> datetime.datetime:
    tomorrow = _today() + datetime.timedelta(days=1)
    return datetime.datetime.combine(tomorrow, datetime.time(), datetime.UTC)
