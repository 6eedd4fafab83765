"""Mail to an owner whose tokens of the day run out: once a day for each threshold."""

from __future__ import annotations

import datetime

from django.conf import settings
from django.db import transaction

from accounts.mailing import send_soon
from accounts.models import UsageDay, User

PERCENTS = (80, 100)


def warn_near_quota(user: User, day: datetime.date) -> None:
    """To be called in the transaction that settled; costs nothing without mail."""
    if not settings.MAIL_IS_CONFIGURED:
        return
    usage_day = UsageDay.objects.get(user=user, day=day)
    allowed = user.limits.tokens_per_day
    passed = [one for one in PERCENTS if 100 * usage_day.tokens_used >= one * allowed]
    if not passed or usage_day.warned_percent >= passed[-1]:
        return
    # Of two calls that pass a threshold together, one warns.
    is_first = UsageDay.objects.filter(
        pk=usage_day.pk, warned_percent__lt=passed[-1]
    ).update(warned_percent=passed[-1])
    if is_first:
        context = {
            "percent": passed[-1],
            "used": usage_day.tokens_used,
            "allowed": allowed,
            "tier": user.get_tier_display(),
        }
        transaction.on_commit(
            lambda: send_soon("quota_warning", to=[user.email], context=context)
        )
