"""One id for each request: the caller's own where it is sane, else a new one.

Views read it from the request's `X-Request-Id` header, which is always there; the
response, every error and every line of the log carry it.
"""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TypeAlias

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

SyncHandler: TypeAlias = Callable[[HttpRequest], HttpResponseBase]
AsyncHandler: TypeAlias = Callable[[HttpRequest], Awaitable[HttpResponseBase]]

HEADER = "X-Request-Id"
_SANE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_current: ContextVar[str] = ContextVar("request_id", default="-")


@sync_and_async_middleware
def request_id_middleware(
    get_response: SyncHandler | AsyncHandler,
) -> SyncHandler | AsyncHandler:
    async def handle_async(request: HttpRequest) -> HttpResponseBase:
        request_id = _identify(request)
        response: HttpResponseBase = await get_response(request)  # type: ignore[misc]
        response.headers[HEADER] = request_id
        return response

    def handle(request: HttpRequest) -> HttpResponseBase:
        request_id = _identify(request)
        response: HttpResponseBase = get_response(request)  # type: ignore[assignment]
        response.headers[HEADER] = request_id
        return response

    return handle_async if iscoroutinefunction(get_response) else handle


class RequestIdFilter(logging.Filter):
    """Gives log records a `request_id`."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = _current.get()
        return True


def _new_id() -> str:
    """Nothing hangs on that nobody guesses it, and asking the system takes longer."""
    return f"{random.getrandbits(96):024x}"


def _identify(request: HttpRequest) -> str:
    offered = request.headers.get(HEADER, "")
    request_id = offered if _SANE.fullmatch(offered) else _new_id()
    request.META["HTTP_X_REQUEST_ID"] = request_id
    # `headers` is cached and was read above, before the id was settled.
    request.__dict__.pop("headers", None)
    _current.set(request_id)
    return request_id
