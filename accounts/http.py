"""What views know about a request."""

from __future__ import annotations

from django.http import HttpRequest

from accounts.models import User


class AuthenticatedHttpRequest(HttpRequest):
    """A request that passed `LoginRequiredMiddleware`."""

    user: User


def is_htmx(request: HttpRequest) -> bool:
    """Whether htmx asks, and so wants a fragment instead of a page."""
    return request.headers.get("HX-Request") == "true"
