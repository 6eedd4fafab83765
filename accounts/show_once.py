"""Carries a new API token over the redirect to the page that shows it, once.

It travels in a short-lived cookie of the owner's own browser, so that the server never
stores the plaintext, in no session, cache, log or URL.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts import credentials
from accounts.models import ApiToken, User

COOKIE = "new_api_token"
LIFETIME_SECONDS = 60
_SALT = "accounts.show_once"


def hand_over(response: HttpResponse, plaintext: str) -> None:
    response.set_signed_cookie(
        COOKIE,
        plaintext,
        salt=_SALT,
        max_age=LIFETIME_SECONDS,
        path=reverse("dashboard"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )


def receive(request: HttpRequest, *, owner: User) -> str | None:
    """The plaintext, if it is of an active API token of `owner`."""
    plaintext = request.get_signed_cookie(
        COOKIE, None, salt=_SALT, max_age=LIFETIME_SECONDS
    )
    if plaintext is None:
        return None
    is_theirs = (
        ApiToken.objects.active()
        .filter(project__user=owner, prefix=credentials.prefix_of(plaintext))
        .exists()
    )
    return plaintext if is_theirs else None


def forget(response: HttpResponse) -> None:
    response.delete_cookie(COOKIE, path=reverse("dashboard"), samesite="Strict")
