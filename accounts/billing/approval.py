"""Staff accept or refuse each request for a higher tier."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import reverse

from accounts.billing.base import Outcome
from accounts.models import User
from accounts.tier_requests import request_tier
from accounts.tiers import Tier


class ApprovalBilling:
    verb = "Ask for"
    needs_approval = True

    def upgrade(self, *, user: User, tier: Tier, request: HttpRequest) -> Outcome:
        page = request.build_absolute_uri(reverse("account_approvals"))
        request_tier(user=user, tier=tier, page=page)
        return Outcome.WAITING
