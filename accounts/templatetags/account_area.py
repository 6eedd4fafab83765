from __future__ import annotations

from django import template
from django.conf import settings

from accounts import audit, first_staff, registration
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
def staff_is_offered() -> bool:
    return first_staff.is_offered()


@register.simple_tag
def waiting_count() -> int:
    return registration.waiting().count()
