"""The audit log: what happened to an account, for its owner to read.

Whatever changes an account calls `record`, once the change is made. A new kind of event
is one more entry of `EVENT_KINDS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from allauth.core import context
from django.db import models
from django.http import HttpRequest
from rest_framework.request import Request

from accounts.http import address_of
from accounts.models import AuditEvent, User


class Category(models.TextChoices):
    SIGN_IN = "sign_in", "Sign-in"
    SECURITY = "security", "Security"
    API_TOKEN = "api_token", "API tokens"
    TIER = "tier", "Tier"
    PROJECT = "project", "Projects"
    ACCOUNT = "account", "Account"


@dataclass(frozen=True, slots=True)
class EventKind:
    """`sentence` is a format string over the event's details."""

    category: Category
    sentence: str


EVENT_KINDS: dict[str, EventKind] = {
    "login.succeeded": EventKind(Category.SIGN_IN, "Signed in with {method}"),
    "login.failed": EventKind(Category.SIGN_IN, "A sign-in failed: {reason}"),
    "logout": EventKind(Category.SIGN_IN, "Signed out"),
    "session.ended": EventKind(Category.SIGN_IN, "Ended the session of {browser}"),
    "sessions.ended": EventKind(Category.SIGN_IN, "Signed out everywhere else"),
    "password.changed": EventKind(Category.SECURITY, "Changed the password"),
    "password.reset": EventKind(Category.SECURITY, "Reset the password by mail"),
    "email.changed": EventKind(
        Category.SECURITY, "Changed the e-mail address from {before} to {after}"
    ),
    "email.confirmed": EventKind(Category.SECURITY, "Confirmed {email}"),
    "mfa.added": EventKind(Category.SECURITY, "Added {method}"),
    "mfa.removed": EventKind(Category.SECURITY, "Removed {method}"),
    "mfa.renewed": EventKind(Category.SECURITY, "Made new {method}"),
    "account.created": EventKind(Category.ACCOUNT, "Created the account"),
    "account.sign_up_repeated": EventKind(
        Category.SECURITY, "Somebody tried to register with your address"
    ),
    "account.approved": EventKind(Category.ACCOUNT, "Approved the account"),
    "account.exported": EventKind(Category.ACCOUNT, "Downloaded all data"),
    "account.made_staff": EventKind(Category.ACCOUNT, "Got staff rights"),
    "api_token.created": EventKind(
        Category.API_TOKEN, "Created the API token “{name}” ({prefix}…)"
    ),
    "api_token.updated": EventKind(
        Category.API_TOKEN, "Changed the API token “{name}” ({prefix}…): {changes}"
    ),
    "api_token.rotated": EventKind(
        Category.API_TOKEN, "Rotated the API token “{name}” ({prefix}…)"
    ),
    "api_token.revoked": EventKind(
        Category.API_TOKEN, "Revoked the API token “{name}” ({prefix}…)"
    ),
    "tier.changed": EventKind(Category.TIER, "Changed from {before} to {after}"),
    "tier.requested": EventKind(Category.TIER, "Asked for {tier}"),
    "tier.withdrawn": EventKind(Category.TIER, "Withdrew the request for {tier}"),
    "tier.refused": EventKind(Category.TIER, "The request for {tier} was refused"),
    "project.created": EventKind(Category.PROJECT, "Created the project “{name}”"),
    "project.renamed": EventKind(
        Category.PROJECT, "Renamed the project “{before}” to “{after}”"
    ),
    "project.archived": EventKind(Category.PROJECT, "Archived the project “{name}”"),
    "project.restored": EventKind(Category.PROJECT, "Restored the project “{name}”"),
    "project.updated": EventKind(Category.PROJECT, "Changed the project “{name}”"),
    "project.texts_kept": EventKind(
        Category.PROJECT, "Let texts of calls in “{name}” be kept for {days}"
    ),
    "project.texts_dropped": EventKind(
        Category.PROJECT,
        "Stopped keeping texts of calls in “{name}”; {deleted} deleted",
    ),
    "webhook_secret.created": EventKind(
        Category.PROJECT, "Made the secret that signs webhooks of “{name}”"
    ),
    "webhook_secret.rotated": EventKind(
        Category.PROJECT, "Replaced the secret that signs webhooks of “{name}”"
    ),
    "webhook.created": EventKind(
        Category.PROJECT, "Added the webhook {url} to “{name}”"
    ),
    "webhook.changed": EventKind(
        Category.PROJECT, "Changed the webhook {url} of “{name}”"
    ),
    "webhook.deleted": EventKind(
        Category.PROJECT, "Deleted the webhook {url} of “{name}”"
    ),
    "webhook.disabled": EventKind(
        Category.PROJECT, "Switched the webhook {url} of “{name}” off: {reason}"
    ),
}


def record(
    *,
    user: User | None,
    kind: str,
    request: HttpRequest | Request | None = None,
    **details: str,
) -> None:
    """Note that `kind`, one of `EVENT_KINDS`, happened to the account of `user`.

    Without `request` it is the one being answered, if any. Who acts on another's
    account keeps their own address and browser to themselves. `details` fill the kind's
    sentence: no secrets, and nothing that the owner may not read.
    """
    if kind not in EVENT_KINDS:
        raise ValueError(f"{kind!r} is no kind of event: add it to EVENT_KINDS.")
    asking = request if request is not None else context.request
    actor = _actor(user, asking)
    is_owner = asking is not None and actor == AuditEvent.Actor.OWNER
    AuditEvent.objects.create(
        user=user,
        kind=kind,
        actor=actor,
        address=address_of(asking) if asking and is_owner else None,
        browser=_browser(asking) if is_owner else "",
        details=details,
    )


def sentence_of(event: AuditEvent) -> str:
    kind = EVENT_KINDS.get(event.kind)
    return kind.sentence.format_map(_Details(event.details)) if kind else event.kind


def category_of(event: AuditEvent) -> Category:
    kind = EVENT_KINDS.get(event.kind)
    return kind.category if kind else Category.ACCOUNT


def kinds_in(category: Category) -> list[str]:
    return [name for name, kind in EVENT_KINDS.items() if kind.category == category]


class _Details(dict[str, str]):
    """An event of before a sentence grew a detail can still be read."""

    def __init__(self, details: Mapping[str, str]) -> None:
        super().__init__(details)

    def __missing__(self, name: str) -> str:
        return "…"


def _actor(
    user: User | None, request: HttpRequest | Request | None
) -> AuditEvent.Actor:
    if request is None:
        return AuditEvent.Actor.SERVER
    asking = getattr(request, "user", None)
    if user and asking and asking.is_authenticated and asking.pk != user.pk:
        return AuditEvent.Actor.STAFF
    return AuditEvent.Actor.OWNER


def _browser(request: HttpRequest | Request | None) -> str:
    written: str = request.META.get("HTTP_USER_AGENT", "") if request else ""
    return written[:200].replace("\0", "")
