"""Everything that makes, changes and ends API tokens."""

from __future__ import annotations

import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import audit, credentials
from accounts.closing import api_token_revoked
from accounts.errors import Conflict
from accounts.models import ApiToken, Project
from accounts.token_changes import describe_changes
from accounts.token_options import TokenOptions

# In one project, counting those that work.
MAX_ACTIVE = 100
GRACE_PERIODS = {
    datetime.timedelta(0): "At once",
    datetime.timedelta(hours=1): "After an hour",
    datetime.timedelta(days=1): "After a day",
    datetime.timedelta(days=7): "After a week",
}
LONGEST_GRACE = datetime.timedelta(days=30)


@transaction.atomic
def issue_api_token(
    *, project: Project, name: str, options: TokenOptions | None = None
) -> tuple[ApiToken, str]:
    """A new API token and its plaintext, which exists only in this return value.

    Raises `Conflict` in an archived project, and beyond `MAX_ACTIVE`.
    """
    options = options or TokenOptions()
    if project.is_archived:
        raise Conflict("This project is archived; restore it first.")
    if project.api_tokens.active().count() >= MAX_ACTIVE:
        raise Conflict(f"A project has at most {MAX_ACTIVE} API tokens.")
    plaintext = credentials.generate()
    api_token = ApiToken.objects.create(
        project=project,
        name=name,
        scopes=options.scopes,
        expires_at=options.expires_at,
        allowed_models=options.allowed_models,
        own_limits=options.own_limits,
        **_written(plaintext),
    )
    _record("api_token.created", api_token)
    return api_token, plaintext


@transaction.atomic
def rotate_api_token(*, api_token: ApiToken, grace: datetime.timedelta) -> str:
    """A new plaintext for the same API token, which the old one survives by `grace`.

    Everything else stays, its public id too. The plaintext of an earlier rotation ends
    at once. Raises `Conflict` for an API token that works no more.
    """
    api_token = _locked_usable(api_token)
    now = timezone.now()
    plaintext = credentials.generate()
    changes: dict[str, Any] = {
        "previous_prefix": api_token.prefix,
        "previous_digest": api_token.digest,
        "previous_expires_at": now + grace,
        "rotated_at": now,
        **_written(plaintext),
    }
    ApiToken.objects.filter(pk=api_token.pk).update(**changes)
    api_token.refresh_from_db()
    _record("api_token.rotated", api_token)
    return plaintext


@transaction.atomic
def update_api_token(*, api_token: ApiToken, name: str, options: TokenOptions) -> bool:
    """Another name or other options, from the next call on; whether anything changed.

    Its value stays. Raises `Conflict` for an API token that works no more.
    """
    api_token = _locked_usable(api_token)
    changes = describe_changes(api_token, name, options)
    if not changes:
        return False
    ApiToken.objects.filter(pk=api_token.pk).update(
        name=name,
        scopes=options.scopes,
        expires_at=options.expires_at,
        allowed_models=options.allowed_models,
        own_limits=options.own_limits,
    )
    audit.record(
        user=api_token.user,
        kind="api_token.updated",
        name=name,
        prefix=api_token.prefix,
        changes=changes,
    )
    return True


@transaction.atomic
def revoke_api_token(*, api_token: ApiToken) -> None:
    """Refused from now on. Revoking twice keeps the first time."""
    unrevoked = ApiToken.objects.filter(pk=api_token.pk, revoked_at=None)
    if unrevoked.update(revoked_at=timezone.now()):
        _record("api_token.revoked", api_token)
        api_token_revoked.send(sender=ApiToken, api_token=api_token)
    api_token.refresh_from_db(fields=["revoked_at"])


def _written(plaintext: str) -> dict[str, str]:
    return {
        "prefix": credentials.prefix_of(plaintext),
        "digest": credentials.digest_of(plaintext),
    }


def _locked_usable(api_token: ApiToken) -> ApiToken:
    found = ApiToken.objects.select_for_update().get(pk=api_token.pk)
    if found.is_revoked or found.is_expired:
        raise Conflict("This API token works no more; create a new one.")
    return found


def _record(kind: str, api_token: ApiToken) -> None:
    audit.record(
        user=api_token.user, kind=kind, name=api_token.name, prefix=api_token.prefix
    )
