"""Whether a session was signed in, or confirmed, a short while ago.

What mints or reveals a credential asks for it: a session that was left open, or
stolen, must not be worth more than itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.http import HttpRequest

SIGNED_IN_AT = "signed_in_at"

View = TypeVar("View", bound=Callable[..., Any])


def required(view: View) -> View:
    """A view for those who signed in lately; others confirm first and then go on.

    A form that was sent is kept meanwhile and carried out after. htmx is sent to the
    page that asks (`HtmxRedirectMiddleware`).
    """
    return cast("View", reauthentication_required(view))


def note(request: HttpRequest) -> None:
    """The visitor has just proved who they are."""
    request.session[SIGNED_IN_AT] = time.time()


def is_fresh(request: HttpRequest) -> bool:
    signed_in_at: float = request.session.get(SIGNED_IN_AT, 0)
    return time.time() - signed_in_at < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
