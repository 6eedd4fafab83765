"""Long answers, made while they are sent."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator

from asgiref.sync import sync_to_async


async def in_thread(chunks: Iterator[bytes]) -> AsyncGenerator[bytes]:
    """The database may not be asked from the event loop."""
    step = sync_to_async(lambda: next(chunks, None))
    while (chunk := await step()) is not None:
        yield chunk
