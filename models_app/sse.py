"""Server-sent events: their format, and a prediction as a streaming response."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

from asgiref.sync import async_to_sync
from django.http import StreamingHttpResponse

from models_app.predictions import PredictEvent
from models_app.services import Admission, discard, stream

HEADERS = {
    "Cache-Control": "no-cache",
    # Proxies of the nginx kind would otherwise hold the text back.
    "X-Accel-Buffering": "no",
}
# What a door says for an event: the event's name and data, or nothing.
Frame = tuple[str, object]
Render = Callable[[PredictEvent], Frame | None]


def format_event(
    data: object, *, event: str | None = None, event_id: int | None = None
) -> bytes:
    """One event. `data` is written as JSON on one line, so it cannot break the frame."""
    lines = [] if event_id is None else [f"id: {event_id}"]
    if event is not None:
        lines.append(f"event: {event}")
    lines.append(f"data: {json.dumps(data, ensure_ascii=False)}")
    return ("\n".join(lines) + "\n\n").encode()


def event_stream_response(
    admission: Admission, render: Render
) -> StreamingHttpResponse:
    """Run an admitted call and send its events as they come."""
    return StreamingHttpResponse(
        _PredictionEvents(admission, render),
        content_type="text/event-stream; charset=utf-8",
        headers=HEADERS,
    )


class _PredictionEvents:
    """What Django iterates, and closes when the response ends in any way.

    A client may be gone before the first event is asked for. Nobody starts the iterator
    then, so `close` is where the admission ends in every case.
    """

    def __init__(self, admission: Admission, render: Render) -> None:
        self._admission = admission
        self._chunks = _chunks(admission, render)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks

    def close(self) -> None:
        async_to_sync(self._aclose)()
        discard(self._admission)

    async def _aclose(self) -> None:
        await self._chunks.aclose()


async def _chunks(admission: Admission, render: Render) -> AsyncGenerator[bytes]:
    numbers = itertools.count(1)
    async with aclosing(stream(admission)) as events:
        async for predict_event in events:
            if (frame := render(predict_event)) is not None:
                event, data = frame
                yield format_event(data, event=event, event_id=next(numbers))
