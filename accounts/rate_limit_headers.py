"""Every answer to an API token says how it stands: OpenAI's `x-ratelimit-*` headers.

It is for nobody else, and may have a text or a secret in it: no cache keeps it.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from accounts.headroom import complete_standing
from accounts.models import ApiToken


def rate_limit_headers_middleware(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    def handle(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        # Left there by `accounts.authentication` once it is known to be valid.
        api_token: ApiToken | None = getattr(request, "api_token", None)
        if api_token:
            complete_standing(api_token)
            for name, value in api_token.standing.headers().items():
                response.headers[name] = value
            response.setdefault("Cache-Control", "no-store")
        return response

    return handle
