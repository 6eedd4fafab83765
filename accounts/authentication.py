"""Who calls: API tokens as a DRF policy, and as a plain function for other doors."""

from __future__ import annotations

import datetime
import hmac

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from accounts import credentials
from accounts.errors import InvalidApiToken
from accounts.models import ApiToken, User

LAST_USED_PRECISION = datetime.timedelta(minutes=1)


class ApiTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer nro_…`; `request.auth` is the `ApiToken`."""

    keyword = "Bearer"

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, credential = get_authorization_header(request).partition(b" ")
        if scheme.lower() != self.keyword.lower().encode():
            return None
        api_token = authenticate_plaintext(credential.decode("latin-1").strip())
        return api_token.user, api_token

    def authenticate_header(self, request: Request) -> str:
        return self.keyword


def authenticate_plaintext(plaintext: str) -> ApiToken:
    """The active API token behind `plaintext`, or `InvalidApiToken`."""
    if not credentials.is_well_formed(plaintext):
        raise InvalidApiToken(
            "This is not a complete API token: it may be cut off or mistyped."
        )
    api_token = _find(plaintext)
    if api_token is None:
        raise InvalidApiToken
    if api_token.is_revoked:
        raise InvalidApiToken("This API token has been revoked.")
    if not api_token.user.is_active:
        raise InvalidApiToken("The account of this API token is deactivated.")
    _note_use(api_token)
    return api_token


def _find(plaintext: str) -> ApiToken | None:
    digest = credentials.digest_of(plaintext)
    api_token = (
        ApiToken.objects.select_related("project__user")
        .filter(prefix=credentials.prefix_of(plaintext))
        .first()
    )
    # Unknown prefixes take the same comparison, so that timing tells nothing.
    expected = api_token.digest if api_token else "0" * len(digest)
    return api_token if hmac.compare_digest(digest, expected) else None


def _note_use(api_token: ApiToken) -> None:
    now = timezone.now()
    last_used_at = api_token.last_used_at
    if last_used_at is None or now - last_used_at >= LAST_USED_PRECISION:
        ApiToken.objects.filter(pk=api_token.pk).update(last_used_at=now)
        api_token.last_used_at = now
