"""Long answers, made while they are sent."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Iterable, Iterator

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

# Few enough to wait for, and so many that handing them over costs little.
LINES_PER_CHUNK = 500


async def in_thread(chunks: Iterator[bytes]) -> AsyncGenerator[bytes]:
    """The database may not be asked from the event loop."""
    step = sync_to_async(lambda: next(chunks, None))
    while (chunk := await step()) is not None:
        yield chunk


def csv_response(lines: Iterable[str], *, name: str) -> StreamingHttpResponse:
    """A file to keep under this name."""
    return StreamingHttpResponse(
        in_thread(_chunks(lines)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _chunks(lines: Iterable[str]) -> Iterator[bytes]:
    remaining = iter(lines)
    while batch := list(itertools.islice(remaining, LINES_PER_CHUNK)):
        yield "".join(batch).encode()
