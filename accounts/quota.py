"""Tokens a day, tokens a minute and requests at once: reserve, then settle.

A call reserves the most it could use and settles what it really used. Reserving is one
short transaction that first updates the account's row of the day, on a condition that
keeps it within the quota: SQLite lets one writer in at a time, and PostgreSQL makes the
account's other calls wait for that row. So whatever is read after it holds until the
reservation is written, and concurrent calls cannot pass a limit together.

Days are days of UTC. The minute is the last sixty seconds, at any moment.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from accounts import days
from accounts.errors import LimitReached, TierLimitExceeded
from accounts.leases import SWEEP_EVERY, sweep
from accounts.limits import Limit, limits_on
from accounts.models import ApiToken, Reservation, UsageDay, User
from accounts.prepared import INTEGER, MOMENT, Given, PreparedUpdate
from accounts.quota_warnings import warn_near_quota
from accounts.reserving import A_DAY, A_MINUTE, Attempt
from accounts.standing import NEAR

_settle = PreparedUpdate(
    lambda: Reservation.objects.filter(pk=Given("pk", INTEGER), settled_at=None),
    settled_at=Given("now", MOMENT),
    tokens=Given("used", INTEGER),
)


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


def reserve(
    *, user: User, tokens: int, api_token: ApiToken | None = None
) -> Reservation:
    """Set `tokens` aside, or raise `LimitReached` and change nothing.

    Raises `TierLimitExceeded` where the call is larger than a whole limit, so that no
    waiting would help.
    """
    require_possible(user, api_token, tokens)
    # Without a savepoint: whatever refuses has undone its writes and raises outside.
    with transaction.atomic(savepoint=False):
        outcome = Attempt(user, api_token, tokens).run()
    if isinstance(outcome, LimitReached):
        raise outcome
    return outcome


def settle(reservation: Reservation, *, used: int) -> None:
    """Turn a reservation into use. Settling twice charges once."""
    used = min(used, reservation.tokens)
    with transaction.atomic(savepoint=False):
        if _settle.carry_out(pk=reservation.pk, now=timezone.now(), used=used):
            days.settle(reservation, used=used)
            warn_near_quota(reservation.user, reservation.day)
    if reservation.pk % SWEEP_EVERY == 0:
        # Outside: it takes rows of other accounts while this one's may be locked.
        transaction.on_commit(sweep, robust=True)


def refund(reservation: Reservation) -> None:
    """Give the whole reservation back: the call came to nothing."""
    live = Reservation.objects.filter(pk=reservation.pk, settled_at=None)
    with transaction.atomic(savepoint=False):
        if live.delete()[0]:
            days.release([reservation])


def status(user: User) -> QuotaStatus:
    today = days.today()
    usage_day = UsageDay.objects.filter(user=user, day=today).first() or UsageDay()
    live = Reservation.objects.live(timezone.now()).filter(user=user, day=today)
    return QuotaStatus(
        tokens_used=usage_day.tokens_used,
        tokens_reserved=live.aggregate(tokens=Sum("tokens", default=0))["tokens"],
        tokens_per_day=user.limits.tokens_per_day,
        predictions=usage_day.predictions,
        resets_at=days.next_midnight(),
    )


def require_possible(user: User, api_token: ApiToken | None, tokens: int) -> None:
    """Raise `TierLimitExceeded` for a call that no waiting would let in."""
    for name in (A_MINUTE, A_DAY):
        for limit in limits_on(user, api_token, name):
            if tokens > limit.allowed:
                raise _too_large(limit, tokens)


def _too_large(limit: Limit, tokens: int) -> TierLimitExceeded:
    return TierLimitExceeded(
        f"This call may need {tokens:,} tokens at once. {limit.sentence}.",
        limit=limit.name,
        set_by=limit.set_by,
        hint=f"Send fewer prompts, ask for fewer new tokens, or {limit.remedy}.",
    )
