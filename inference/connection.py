"""One client's side of the server: what waits to be written to it, bounded."""

from __future__ import annotations

import asyncio
import contextlib

from inference.frames import pack
from inference.messages import Health, StepEvents, TokenEvent, merge_events

# More unread requests than this, and the client is not reading at all.
MAX_HELD_REQUESTS = 4096


class Connection:
    """Sending never waits. While the client is slow to read, later events of a request
    join its earlier ones, so what is held is bounded by what the requests may generate.
    """

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._held: dict[str, TokenEvent] = {}
        self._health: Health | None = None
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(self._write())

    def send_events(self, events: list[TokenEvent]) -> None:
        for event in events:
            earlier = self._held.get(event.request_id)
            merged = event if earlier is None else merge_events(earlier, event)
            self._held[event.request_id] = merged
        if len(self._held) > MAX_HELD_REQUESTS:
            self._writer.transport.abort()
        self._write_soon()

    def send_health(self, health: Health) -> None:
        self._health = health
        self._write_soon()

    def hang_up(self) -> None:
        """Leave what is held to the transport and close; a second call does nothing."""
        self._task.cancel()
        if not self._writer.is_closing():
            self._flush()
            self._writer.close()

    def _write_soon(self) -> None:
        """At once where nothing is in the way: the steps' thread waits for this one."""
        is_free = not self._writer.transport.get_write_buffer_size()
        if is_free and not self._writer.is_closing():
            self._flush()
        else:
            self._wake.set()

    async def _write(self) -> None:
        with contextlib.suppress(ConnectionError):
            while await self._wake.wait():
                self._wake.clear()
                self._flush()
                await self._writer.drain()

    def _flush(self) -> None:
        if self._held:
            self._writer.write(pack(StepEvents(list(self._held.values()))))
            self._held.clear()
        if self._health is not None:
            self._writer.write(pack(self._health))
            self._health = None
