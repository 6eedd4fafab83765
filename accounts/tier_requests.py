"""Tiers that staff grant: who asks, and what staff decide."""

from __future__ import annotations

import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import audit
from accounts.mailing import send_soon
from accounts.models import TierRequest, User
from accounts.tier_changes import change_tier
from accounts.tiers import Tier

TELL_AGAIN_AFTER = datetime.timedelta(hours=1)


def last_request_of(user: User) -> TierRequest | None:
    """The one that waits, or else the one that was decided last."""
    return user.tier_requests.first()


@transaction.atomic
def request_tier(*, user: User, tier: Tier, page: str) -> TierRequest:
    """Ask staff for a tier; `page` is where they decide. A new wish replaces the last.

    Who asks again for what waits already has asked once. Who withdraws and asks again
    and again fills no mailbox.
    """
    waiting = TierRequest.objects.waiting().filter(user=user)
    if same := waiting.filter(tier=tier).first():
        return same
    waiting.update(outcome=TierRequest.Outcome.WITHDRAWN, decided_at=timezone.now())
    is_told = _staff_know(user, tier)
    try:
        with transaction.atomic():
            asked = TierRequest.objects.create(user=user, tier=tier)
    except IntegrityError:
        return TierRequest.objects.waiting().get(user=user)
    audit.record(user=user, kind="tier.requested", tier=tier.label)
    if not is_told:
        _tell_staff(asked, page)
    return asked


@transaction.atomic
def withdraw_request(*, user: User) -> None:
    asked = TierRequest.objects.waiting().filter(user=user).first()
    if asked and _close(asked, TierRequest.Outcome.WITHDRAWN):
        audit.record(user=user, kind="tier.withdrawn", tier=Tier(asked.tier).label)


@transaction.atomic
def accept_request(*, asked: TierRequest, staff: User, reason: str = "") -> None:
    """Takes effect at once. Deciding twice keeps the first decision.

    An account that has got as far meanwhile is not brought down again.
    """
    if not _close(asked, TierRequest.Outcome.ACCEPTED, decided_by=staff, reason=reason):
        return
    if Tier(asked.tier).rank > Tier(asked.user.tier).rank:
        change_tier(user=asked.user, tier=Tier(asked.tier))
    _tell_owner(asked)


@transaction.atomic
def refuse_request(*, asked: TierRequest, staff: User, reason: str = "") -> None:
    if _close(asked, TierRequest.Outcome.REFUSED, decided_by=staff, reason=reason):
        tier = Tier(asked.tier).label
        audit.record(user=asked.user, kind="tier.refused", tier=tier)
        _tell_owner(asked)


def _close(
    asked: TierRequest, outcome: TierRequest.Outcome, **changes: User | str
) -> bool:
    """Whether it was still waiting; only then is anything changed."""
    waiting = TierRequest.objects.waiting().filter(pk=asked.pk)
    closed = waiting.update(outcome=outcome, decided_at=timezone.now(), **changes)
    asked.refresh_from_db()
    return bool(closed)


def _staff_know(user: User, tier: Tier) -> bool:
    """Whether they had a message about a wish that was withdrawn since."""
    withdrawn = user.tier_requests.filter(outcome=TierRequest.Outcome.WITHDRAWN)
    since = timezone.now() - TELL_AGAIN_AFTER
    return withdrawn.filter(tier=tier, created_at__gt=since).exists()


def _tell_staff(asked: TierRequest, page: str) -> None:
    staff = User.objects.filter(is_staff=True, is_active=True)
    context = {
        "email": asked.user.email,
        "tier": asked.get_tier_display(),
        "current": asked.user.get_tier_display(),
        "page": page,
    }
    to = list(staff.values_list("email", flat=True))
    transaction.on_commit(lambda: send_soon("tier_requested", to=to, context=context))


def _tell_owner(asked: TierRequest) -> None:
    context = {
        "tier": asked.get_tier_display(),
        "is_accepted": asked.outcome == TierRequest.Outcome.ACCEPTED,
        "reason": asked.reason,
    }
    to = [asked.user.email]
    transaction.on_commit(lambda: send_soon("tier_decided", to=to, context=context))
