"""The moment at which a tier changes, whoever decided it."""

from __future__ import annotations

from django.db import transaction

from accounts import audit
from accounts.models import User
from accounts.tiers import Tier


@transaction.atomic
def change_tier(*, user: User, tier: Tier) -> None:
    """Takes effect at once, whichever way."""
    before = Tier(user.tier)
    if tier == before:
        return
    user.tier = tier
    user.save(update_fields=["tier"])
    note_change(user=user, before=before)


def note_change(*, user: User, before: Tier) -> None:
    """For whoever saved the tier otherwise."""
    after = Tier(user.tier).label
    audit.record(user=user, kind="tier.changed", before=before.label, after=after)
