"""Every tier is free and takes one click: for a server of one's own."""

from __future__ import annotations

from django.http import HttpRequest

from accounts.billing.base import Outcome
from accounts.models import User
from accounts.tier_changes import change_tier
from accounts.tiers import Tier


class InstantBilling:
    verb = "Upgrade to"
    needs_approval = False

    def upgrade(self, *, user: User, tier: Tier, request: HttpRequest) -> Outcome:
        change_tier(user=user, tier=tier)
        return Outcome.CHANGED
