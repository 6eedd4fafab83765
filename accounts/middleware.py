"""What every page owes a signed-in visitor, and what htmx needs when a page moves."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

from allauth.core.exceptions import ReauthenticationRequired
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import resolve_url
from django.urls import reverse
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin

from accounts.http import is_htmx
from accounts.time_zones import zone_of

SEEN_PRECISION = datetime.timedelta(minutes=1)
_DOORS = ("account_reauthenticate", "mfa_reauthenticate", "mfa_reauthenticate_webauthn")


class VisitMiddleware(MiddlewareMixin):
    """Tells times in the visitor's zone, notes when a session was last seen, and has
    nobody keep a page that was made for the visitor."""

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> None:
        if settings.SESSION_COOKIE_NAME not in request.COOKIES:
            timezone.deactivate()
            return
        user = request.user
        if user.is_authenticated:
            timezone.activate(zone_of(user))
            _note_visit(request)
            request.META["neuro.is_private"] = True
        else:
            timezone.deactivate()

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if request.META.get("neuro.is_private"):
            response.setdefault("Cache-Control", "private, no-store")
        return response


class HtmxRedirectMiddleware(MiddlewareMixin):
    """Sends the whole page to the sign-in, where htmx would put it into a corner."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        # The form is carried out again after the confirmation, then as a page.
        if isinstance(exception, ReauthenticationRequired) and is_htmx(request):
            request.META["neuro.htmx"] = request.META.pop("HTTP_HX_REQUEST")

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        asked_by_htmx = is_htmx(request) or "neuro.htmx" in request.META
        to = response.headers.get("Location", "")
        if not asked_by_htmx or not to.startswith(_sign_in_pages()):
            return response
        return HttpResponse(status=204, headers={"HX-Redirect": to})


def _note_visit(request: HttpRequest) -> None:
    key = request.session.session_key
    seconds = SEEN_PRECISION.total_seconds()
    if key and cache.add(f"session-seen:{key}", value=True, timeout=int(seconds)):
        UserSession.objects.filter(session_key=key).update(last_seen_at=timezone.now())


def _sign_in_pages() -> tuple[str, ...]:
    return (resolve_url(settings.LOGIN_URL), *map(reverse, _DOORS))
