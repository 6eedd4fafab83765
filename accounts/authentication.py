"""Who calls: API tokens as a DRF policy, and as a plain function for other doors."""

from __future__ import annotations

import datetime
import hmac
from typing import Any

from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from accounts import credentials
from accounts.errors import ExpiredApiToken, InvalidApiToken
from accounts.http import address_of
from accounts.models import ApiToken, User
from accounts.prepared import TEXT, Given, PreparedRows

LAST_USED_PRECISION = datetime.timedelta(minutes=1)

_with_prefix = PreparedRows(
    lambda: ApiToken.objects.select_related("project__user").filter(
        Q(prefix=Given("prefix", TEXT)) | Q(previous_prefix=Given("prefix", TEXT))
    )
)


class ApiTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer nro_…`; `request.auth` is the `ApiToken`."""

    keyword = "Bearer"

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, credential = get_authorization_header(request).partition(b" ")
        if scheme.lower() != self.keyword.lower().encode():
            return None
        plaintext = credential.decode("latin-1").strip()
        api_token = authenticate_request(request, plaintext)
        return api_token.user, api_token

    def authenticate_header(self, request: Request) -> str:
        return self.keyword


def authenticate_request(request: Request, plaintext: str) -> ApiToken:
    """`authenticate_plaintext`, and the answer tells how the API token stands."""
    api_token = authenticate_plaintext(plaintext, address=address_of(request))
    # Django's own request outlives DRF's around it: middleware reads it from there.
    http_request: Any = getattr(request, "_request", request)
    http_request.api_token = api_token
    return api_token


def authenticate_plaintext(plaintext: str, *, address: str | None = None) -> ApiToken:
    """The active API token behind `plaintext`, or `InvalidApiToken`.

    One query; none for what is not even well formed.
    """
    if not credentials.is_well_formed(plaintext):
        raise InvalidApiToken(
            "This is not a complete API token: it may be cut off or mistyped."
        )
    api_token = _find(plaintext)
    if api_token is None:
        raise InvalidApiToken
    _require_usable(api_token)
    _note_use(api_token, address)
    return api_token


def _find(plaintext: str) -> ApiToken | None:
    prefix, digest = credentials.prefix_of(plaintext), credentials.digest_of(plaintext)
    api_token = next(iter(_with_prefix.fetch(prefix=prefix)), None)
    # Unknown prefixes take the same comparisons, so that timing tells nothing.
    expected = api_token.digest if api_token else ""
    previous = api_token.previous_digest if api_token else ""
    is_current = hmac.compare_digest(digest, expected or "0" * len(digest))
    is_previous = hmac.compare_digest(digest, previous or "0" * len(digest))
    if api_token and is_previous and not api_token.is_rotating:
        raise ExpiredApiToken(
            "This API token was rotated, and its time beside the new one is over.",
            hint="Use the value that the rotation showed.",
        )
    return api_token if is_current or is_previous else None


def _require_usable(api_token: ApiToken) -> None:
    if api_token.is_revoked:
        raise InvalidApiToken("This API token has been revoked.")
    if api_token.is_expired:
        raise ExpiredApiToken
    if api_token.project.is_archived:
        raise InvalidApiToken(
            f"The project “{api_token.project.name}” of this API token is archived.",
            hint="Restore the project, or use an API token of another one.",
        )
    if not api_token.user.is_active:
        raise InvalidApiToken("The account of this API token is deactivated.")


def _note_use(api_token: ApiToken, address: str | None) -> None:
    now = timezone.now()
    last_used_at = api_token.last_used_at
    if last_used_at is None or now - last_used_at >= LAST_USED_PRECISION:
        api_token.last_used_at, api_token.last_used_from = now, address
        ApiToken.objects.filter(pk=api_token.pk).update(
            last_used_at=now, last_used_from=address
        )
