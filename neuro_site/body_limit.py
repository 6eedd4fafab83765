"""Refuses bodies that are too large, or too slow, while they arrive, not after.

Django's ASGI handler writes the whole body to a file before anything looks at it, and
its own limit does not count uploaded files.
"""

from __future__ import annotations

import asyncio

from accounts.errors import ApplicationError
from neuro_site.asgi_types import Application, Message, Receive, Send
from neuro_site.error_handler import RequestTimeout, RequestTooLarge
from neuro_site.refusal import refuse


class _Refused(Exception):
    """The body passed a limit while it was being read."""

    def __init__(self, error: ApplicationError) -> None:
        super().__init__(error.message)
        self.error = error


class _Body:
    """One request's body as it comes in."""

    def __init__(self, receive: Receive, max_bytes: int, max_seconds: float) -> None:
        self._receive = receive
        self._max_bytes, self._max_seconds = max_bytes, max_seconds
        self._deadline = asyncio.get_running_loop().time() + max_seconds
        self._num_bytes = 0
        self._is_whole = False

    async def receive(self) -> Message:
        if self._is_whole:
            # What comes now is the end of the connection, which may take its time.
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError as timeout:
            raise _Refused(_too_slow(self._max_seconds)) from timeout
        self._num_bytes += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        if self._num_bytes > self._max_bytes:
            raise _Refused(_too_large(self._max_bytes))
        return message


def limit_body(
    application: Application, *, max_bytes: int, max_seconds: float
) -> Application:
    """The application behind limits on each request's body: how long it may be, and
    how long it may take to arrive once its head is there."""

    async def limited(scope: Message, receive: Receive, send: Send) -> None:
        if _declared_length(scope) > max_bytes:
            await refuse(scope, send, _too_large(max_bytes))
            return
        body = _Body(receive, max_bytes, max_seconds)
        try:
            await application(scope, body.receive, send)
        except _Refused as refused:
            await refuse(scope, send, refused.error)

    return limited


def _declared_length(scope: Message) -> int:
    for name, value in scope.get("headers", ()):
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _too_large(max_bytes: int) -> ApplicationError:
    return RequestTooLarge(
        f"The body is larger than the {max_bytes:,} bytes that this server takes."
    )


def _too_slow(max_seconds: float) -> ApplicationError:
    return RequestTimeout(
        f"The body did not arrive within {max_seconds:g} seconds of its head."
    )
