"""Refuses bodies that are too large while they arrive, not after.

Django's ASGI handler writes the whole body to a file before anything looks at it, and
its own limit does not count uploaded files.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from neuro_site.error_handler import RequestTooLarge, render_at

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


class _TooLarge(Exception):
    """The body passed the limit while it was being read."""


def limit_body(application: Application, *, max_bytes: int) -> Application:
    """The application behind a limit on the length of each request's body."""

    async def limited(scope: Message, receive: Receive, send: Send) -> None:
        received = 0

        async def count() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > max_bytes:
                raise _TooLarge
            return message

        if _declared_length(scope) > max_bytes:
            await _refuse(scope, send, max_bytes)
            return
        try:
            await application(scope, count, send)
        except _TooLarge:
            await _refuse(scope, send, max_bytes)

    return limited


def _declared_length(scope: Message) -> int:
    for name, value in scope.get("headers", ()):
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


async def _refuse(scope: Message, send: Send, max_bytes: int) -> None:
    error = RequestTooLarge(
        f"The body is larger than the {max_bytes:,} bytes that this server takes."
    )
    request_id = secrets.token_hex(12)
    body = json.dumps(render_at(scope["path"], error, request_id)).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"x-request-id", request_id.encode()),
        (b"connection", b"close"),
    ]
    status = error.status_code
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
