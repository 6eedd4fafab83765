from __future__ import annotations

from django import template
from django.conf import settings

from accounts import approvals, audit, first_staff
from accounts.billing import get_billing
from accounts.browsers import name_of
from accounts.models import AuditEvent

register = template.Library()


@register.filter
def browser_name(user_agent: str) -> str:
    return name_of(user_agent)


@register.filter
def sentence(event: AuditEvent) -> str:
    return audit.sentence_of(event)


@register.simple_tag
def registration_mode() -> str:
    mode: str = settings.REGISTRATION
    return mode


@register.simple_tag
def tiers_need_approval() -> bool:
    return get_billing().needs_approval


@register.simple_tag
def has_mail_server() -> bool:
    return bool(settings.MAIL_IS_CONFIGURED)


@register.simple_tag
def staff_is_offered() -> bool:
    return first_staff.is_offered()


@register.simple_tag
def decides_approvals(user: object) -> bool:
    return approvals.decides_anything(user)


@register.simple_tag
def number_waiting(user: object) -> int:
    """How many registrations and requests wait for this one's decision."""
    return approvals.number_waiting(user)
