"""What follows a sign-up: the same for an address that has an account already.

Where there is a mail server, allauth sends a message to the address, and only who reads
it goes on. Where there is none, whoever signed up is asked to sign in, which works if
the account is theirs.
"""

from __future__ import annotations

from urllib.parse import urlencode

from allauth.account.models import EmailAddress
from allauth.account.stages import LoginStage
from allauth.account.utils import get_next_redirect_url
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.models import User

ADDRESS = "newcomer"
SIGN_IN_NOW = (
    "Now sign in with the password that you chose. If the address had an account "
    "already, that one has not changed: sign in as ever."
)


def is_admitted(user: User) -> bool:
    """Whether the right password opens the account: confirmed, and approved."""
    if user.awaits_approval:
        return False
    return (
        not settings.MAIL_IS_CONFIGURED
        or EmailAddress.objects.filter(user=user, verified=True).exists()
    )


class NewcomerStage(LoginStage):  # type: ignore[misc]
    """Without a user it is an address that has an account already, told alike."""

    key = "newcomer"

    def handle(self) -> tuple[HttpResponse | None, bool]:
        user = self.login.user
        if settings.REGISTRATION == "approval" and user is None:
            return redirect("account_waiting"), False
        if user is not None and user.awaits_approval:
            return redirect("account_waiting"), False
        if self.login.signup and not settings.MAIL_IS_CONFIGURED:
            return _ask_to_sign_in(self.request, self.login.email or user.email), False
        return None, True


def address_of_newcomer(request: HttpRequest) -> str:
    """What the sign-in fills in for who has just signed up, once."""
    email: str = request.session.pop(ADDRESS, "")
    return email


def _ask_to_sign_in(request: HttpRequest, email: str) -> HttpResponse:
    request.session[ADDRESS] = email
    messages.success(request, SIGN_IN_NOW)
    url = reverse("account_login")
    if wanted := get_next_redirect_url(request):
        url = f"{url}?{urlencode({REDIRECT_FIELD_NAME: wanted})}"
    return redirect(url)
