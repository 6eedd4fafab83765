"""What stands between an account and a higher tier: one provider, chosen by a setting.

A new provider is a file beside these and an entry in `PROVIDERS`.
"""

from __future__ import annotations

from django.conf import settings

from accounts.billing.approval import ApprovalBilling
from accounts.billing.base import Billing, Outcome
from accounts.billing.instant import InstantBilling

__all__ = ["PROVIDERS", "Billing", "Outcome", "get_billing"]

PROVIDERS: dict[str, Billing] = {
    "instant": InstantBilling(),
    "approval": ApprovalBilling(),
}


def get_billing() -> Billing:
    return PROVIDERS[settings.TIER_CHANGES]
