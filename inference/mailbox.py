"""One stream's events on their way to a reader who may be slow."""

from __future__ import annotations

import asyncio

from inference.messages import TokenEvent, merge_events


class Mailbox:
    """Events that nobody has taken yet join into one, so what is held is bounded by
    what the request may generate, not by how many steps that takes."""

    def __init__(self) -> None:
        self._held: TokenEvent | None = None
        self._arrival: asyncio.Future[None] | None = None

    def put(self, event: TokenEvent) -> None:
        self._held = merge_events(self._held, event) if self._held else event
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    async def take(self) -> TokenEvent:
        """All that has come since the last time, as soon as there is something. One
        reader at a time."""
        while self._held is None:
            self._arrival = asyncio.get_running_loop().create_future()
            await self._arrival
        event, self._held = self._held, None
        return event
