"""uvicorn's HTTP protocol, with a limit on how long a request's head may take.

uvicorn waits for ever for a head that never ends, or never begins. Bodies are
`body_limit`'s, and what a client does not read is the kernel's (`__main__`).
"""

from __future__ import annotations

import asyncio
from typing import cast

from django.conf import settings
from uvicorn.protocols.http.httptools_impl import (
    HttpToolsProtocol,
    RequestResponseCycle,
)


class HttpProtocol(HttpToolsProtocol):
    """Closes a connection whose next request does not get past its head in time."""

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(  # type: ignore[override]
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # uvicorn's own timer, for a connection at rest, ends with the first byte.
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is None or cycle.response_complete:
            self._expect_head()

    def on_headers_complete(self) -> None:
        self._stop_head_timer()
        super().on_headers_complete()

    def _expect_head(self) -> None:
        if self._head_timer is None and not self.transport.is_closing():
            self._head_timer = self.loop.call_later(
                settings.READ_SECONDS, self.transport.abort
            )

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
