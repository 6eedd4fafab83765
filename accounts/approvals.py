"""What waits for staff: registrations, and requests for a higher tier."""

from __future__ import annotations

from django.db.models import QuerySet

from accounts import registration
from accounts.models import TierRequest, User

REGISTRATIONS = "accounts.change_user"
TIER_REQUESTS = "accounts.change_tierrequest"


def may_decide(user: object, permission: str) -> bool:
    """Staff rights are asked for first: everybody else costs no query."""
    return isinstance(user, User) and user.is_staff and user.has_perm(permission)


def decides_anything(user: object) -> bool:
    return may_decide(user, REGISTRATIONS) or may_decide(user, TIER_REQUESTS)


def registrations_for(staff: object) -> QuerySet[User]:
    """Empty for who may not decide about them."""
    if may_decide(staff, REGISTRATIONS):
        return registration.waiting()
    return User.objects.none()


def tier_requests_for(staff: object) -> QuerySet[TierRequest]:
    """Oldest first; empty for who may not decide about them."""
    if may_decide(staff, TIER_REQUESTS):
        waiting = TierRequest.objects.waiting()
        return waiting.select_related("user").order_by("created_at", "id")
    return TierRequest.objects.none()


def number_waiting(user: object) -> int:
    return registrations_for(user).count() + tier_requests_for(user).count()
