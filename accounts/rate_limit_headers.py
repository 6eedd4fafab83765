"""Every answer to an API token says how it stands: OpenAI's `x-ratelimit-*` headers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from accounts.headroom import complete_standing
from accounts.models import ApiToken

SyncHandler: TypeAlias = Callable[[HttpRequest], HttpResponseBase]
AsyncHandler: TypeAlias = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def rate_limit_headers_middleware(
    get_response: SyncHandler | AsyncHandler,
) -> SyncHandler | AsyncHandler:
    async def handle_async(request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = await get_response(request)  # type: ignore[misc]
        api_token = _api_token_of(request)
        if api_token and not api_token.standing.is_complete:
            await sync_to_async(complete_standing)(api_token)
        return _tell(response, api_token)

    def handle(request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = get_response(request)  # type: ignore[assignment]
        api_token = _api_token_of(request)
        if api_token and not api_token.standing.is_complete:
            complete_standing(api_token)
        return _tell(response, api_token)

    return handle_async if iscoroutinefunction(get_response) else handle


def _api_token_of(request: HttpRequest) -> ApiToken | None:
    """Left there by `accounts.authentication` once it is known to be valid."""
    return getattr(request, "api_token", None)


def _tell(response: HttpResponseBase, api_token: ApiToken | None) -> HttpResponseBase:
    if api_token:
        for name, value in api_token.standing.headers().items():
            response.headers[name] = value
    return response
