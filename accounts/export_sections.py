"""What accounts add to the export: never a digest, a secret or a password's hash."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db.models import QuerySet

from accounts import audit
from accounts.export import Row, Section, add_section
from accounts.models import ApiToken, ApiTokenDay, Project, TierRequest, UsageDay, User

_FIELDS: dict[str, tuple[list[str], Callable[[User], QuerySet[Any]]]] = {
    "account": (
        [
            "email",
            "tier",
            "staff_limits",
            "time_zone",
            "theme",
            "date_joined",
            "last_login",
        ],
        lambda user: User.objects.filter(pk=user.pk),
    ),
    "projects": (
        ["public_id", "name", "created_at", "archived_at", "text_retention_days"],
        lambda user: Project.objects.filter(user=user),
    ),
    "api_tokens": (
        [
            "public_id",
            "project__name",
            "name",
            "prefix",
            "scopes",
            "allowed_models",
            "own_limits",
            "created_at",
            "rotated_at",
            "expires_at",
            "last_used_at",
            "last_used_from",
            "revoked_at",
        ],
        lambda user: ApiToken.objects.filter(project__user=user),
    ),
    "tier_requests": (
        ["tier", "outcome", "reason", "created_at", "decided_at"],
        lambda user: TierRequest.objects.filter(user=user),
    ),
    "second_steps": (
        ["type", "created_at", "last_used_at"],
        lambda user: Authenticator.objects.filter(user=user),
    ),
    "sessions": (
        ["ip", "user_agent", "created_at", "last_seen_at"],
        lambda user: UserSession.objects.filter(user=user),
    ),
    "api_token_days": (
        ["api_token__public_id", "day", "tokens_used"],
        lambda user: ApiTokenDay.objects.filter(api_token__project__user=user).order_by(
            "day", "pk"
        ),
    ),
    "usage_days": (
        ["day", "tokens_used", "predictions"],
        lambda user: UsageDay.objects.filter(user=user).order_by("day"),
    ),
}
_EVENT_FIELDS = ("created_at", "kind", "what", "by", "address", "browser", "details")


def add_sections() -> None:
    for name, (fields, query) in _FIELDS.items():
        add_section(section_of(name, fields, query))
    add_section(Section(name="activity", fields=_EVENT_FIELDS, rows=_events))


def section_of(
    name: str, fields: list[str], query: Callable[[User], QuerySet[Any]]
) -> Section:
    """A section of columns as the database has them."""
    return Section(
        name=name,
        fields=fields,
        rows=lambda user: query(user).values(*fields).iterator(),
    )


def _events(user: User) -> Iterator[Row]:
    for event in user.audit_events.iterator():
        yield {
            "created_at": event.created_at,
            "kind": event.kind,
            "what": audit.sentence_of(event),
            "by": event.get_actor_display(),
            "address": event.address,
            "browser": event.browser,
            "details": event.details,
        }
