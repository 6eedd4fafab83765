"""What a page says that was tried too often, and until when."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

from allauth.account.adapter import get_adapter
from allauth.account.internal.stagekit import unstash_login
from allauth.core.internal.ratelimit import Rate, get_cache_key, get_rates
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.durations import in_words
from accounts.models import User

FIRST_STAFF = {"first_staff": "20/h/ip,10/h/user"}


@dataclass(frozen=True, slots=True)
class Limit:
    """One of allauth's limits on attempts, by the name that its settings have for it."""

    action: str
    app: str = "allauth.account"
    config: dict[str, str] | None = None

    @property
    def rates(self) -> list[Rate]:
        rates: list[Rate] = get_rates(
            app=self.app, action=self.action, config=self.config
        )
        return rates


_GUESSES = Limit("login_failed")
_CONFIRMING = (Limit("reauthenticate"), _GUESSES)
# What each page is limited by.
LIMITS: dict[str, tuple[Limit, ...]] = {
    "account_change_password": (Limit("change_password"),),
    "account_email": (Limit("manage_email"),),
    "account_first_staff": (Limit("first_staff", "accounts", FIRST_STAFF),),
    "account_login": (Limit("login"), _GUESSES),
    "account_reauthenticate": _CONFIRMING,
    "account_reset_password": (Limit("reset_password"),),
    "account_reset_password_from_key": (Limit("reset_password_from_key"),),
    "account_set_password": (Limit("change_password"),),
    "account_signup": (Limit("signup"),),
    "mfa_activate_totp": (_GUESSES,),
    "mfa_authenticate": (_GUESSES,),
    "mfa_login_webauthn": (Limit("webauthn_login", "allauth.mfa"),),
    "mfa_reauthenticate": _CONFIRMING,
    "mfa_reauthenticate_webauthn": _CONFIRMING,
}


def too_many_attempts(request: HttpRequest) -> HttpResponse:
    """The answer of every page that was tried too often; says when to try again."""
    seconds = max(1, math.ceil(seconds_to_wait(request)))
    context = {"wait": in_words(seconds), "is_sign_in": request.user.is_anonymous}
    response = render(request, "429.html", context, status=429)
    response.headers["Retry-After"] = str(seconds)
    return response


def seconds_to_wait(request: HttpRequest) -> float:
    """Until the last of the page's limits that are reached takes another attempt."""
    match = request.resolver_match
    limits = LIMITS.get(match.url_name or "", ()) if match else ()
    waits = [
        wait
        for limit in limits
        for rate in limit.rates
        for key in _cache_keys(request, limit, rate)
        if (wait := _wait(rate, cache.get(key, [])))
    ]
    return max(waits, default=60)


def _wait(rate: Rate, history: list[float]) -> float:
    """`history` has the newest attempt first, as allauth keeps it."""
    if len(history) < rate.amount:
        return 0
    free_again_at: float = history[rate.amount - 1] + rate.duration
    return max(0, free_again_at - time.time())


def _cache_keys(request: HttpRequest, limit: Limit, rate: Rate) -> Iterator[str]:
    user = _whose(request)
    if rate.per == "user" and user is None:
        return
    for key in _names(request, user) if rate.per == "key" else [None]:
        yield get_cache_key(
            request,
            app=limit.app,
            action=limit.action,
            rate=rate,
            key=key,
            user=user,
        )


def _names(request: HttpRequest, user: User | None) -> Iterator[str]:
    """Under what allauth counts attempts at one account."""
    posted = request.POST.get("login") or request.POST.get("email") or ""
    address = user.email if user else posted.strip().lower()
    yield get_adapter()._get_login_attempts_cache_key(request, email=address)
    yield address
    if user:
        yield f"mfa-auth-user-{user.pk}"


def _whose(request: HttpRequest) -> User | None:
    """Who is signed in, or half way: the password was right, the code is to come."""
    if isinstance(request.user, User):
        return request.user
    login = unstash_login(request, peek=True)
    return login.user if login else None
