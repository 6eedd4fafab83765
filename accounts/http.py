"""What views know about a request."""

from __future__ import annotations

import ipaddress

from django.http import HttpRequest
from rest_framework.request import Request

from accounts.models import User


class AuthenticatedHttpRequest(HttpRequest):
    """A request that passed `LoginRequiredMiddleware`."""

    user: User


def is_htmx(request: HttpRequest) -> bool:
    """Whether htmx asks, and so wants a fragment instead of a page."""
    return request.headers.get("HX-Request") == "true"


def address_of(request: HttpRequest | Request) -> str | None:
    """The peer's; the web server has put the client's there if a proxy may speak."""
    try:
        return str(ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return None
