"""Server-sent events: their format, and a prediction as a streaming response."""

from __future__ import annotations

import itertools
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Iterable,
    Mapping,
)
from contextlib import aclosing

import msgspec
from asgiref.sync import async_to_sync
from django.http import HttpResponse, StreamingHttpResponse

from accounts.errors import ApplicationError
from models_app.predictions import Failed, PredictEvent
from models_app.services import Admission, Close, discard, stream, told_at_once
from models_app.timing_headers import stream_headers

CONTENT_TYPE = "text/event-stream; charset=utf-8"
HEADERS = {
    "Cache-Control": "no-cache",
    # Proxies of the nginx kind would otherwise hold the text back.
    "X-Accel-Buffering": "no",
}
# The name of an event, where it has one, and its data.
Frame = tuple[str | None, object]
# What a door says for an event: one frame, several or none.
Render = Callable[[PredictEvent], Iterable[Frame]]
# What it answers, with a status, to a call that ends before its first event.
Refuse = Callable[[ApplicationError], HttpResponse]

_json = msgspec.json.Encoder()


def format_event(
    data: object, *, event: str | None = None, event_id: int | None = None
) -> bytes:
    """One event. `data` is written as JSON on one line, so it cannot break the frame."""
    head = "" if event_id is None else f"id: {event_id}\n"
    if event is not None:
        head += f"event: {event}\n"
    return b"%bdata: %b\n\n" % (head.encode(), _json.encode(data))


class EventStreamResponse(StreamingHttpResponse):
    """Django's own wraps what it iterates twice, which each token would have to pass."""

    def __init__(
        self, events: _PredictionEvents, refuse: Refuse, *, headers: Mapping[str, str]
    ) -> None:
        super().__init__(events, content_type=CONTENT_TYPE, headers=headers)
        self._events, self._refuse = events, refuse
        self._own_headers = set(self.headers)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._events)

    @property
    def is_over(self) -> bool:
        """Whether all was said, so that closing it does nothing to the prediction."""
        return self._events.is_over

    async def begin(self) -> EventStreamResponse | HttpResponse:
        """Wait until the engine has taken the call in. Returns what is to be sent: this
        response, or the refusal if the call ended before, while a status can say so."""
        try:
            await self._events.begin()
        except ApplicationError as error:
            return self._refusal(error)
        return self

    def _refusal(self, error: ApplicationError) -> HttpResponse:
        """With what middleware has said, which is through with the request by now."""
        refusal = self._refuse(error)
        for name in set(self.headers) - self._own_headers:
            refusal.headers[name] = self.headers[name]
        refusal.cookies = self.cookies
        return refusal


def event_stream_response(
    admission: Admission,
    render: Render,
    refuse: Refuse,
    settle: Close | None = None,
) -> EventStreamResponse:
    """Run an admitted call and send its events as they come; `settle` as in `stream`.

    A server that can wait awaits `begin` first; for another one every end is an event.
    """
    events = _PredictionEvents(admission, render, settle)
    return EventStreamResponse(events, refuse, headers=headers_of(admission))


def headers_of(admission: Admission) -> dict[str, str]:
    return HEADERS | stream_headers(admission.record.prompt_tokens)


def whole_stream(admission: Admission, render: Render) -> str:
    """What the stream of one that has succeeded said, without having come in between."""
    frames = (frame for event in told_at_once(admission) for frame in render(event))
    numbered = enumerate(frames, 1)
    return b"".join(
        format_event(data, event=event, event_id=number)
        for number, (event, data) in numbered
    ).decode()


class _PredictionEvents:
    """What Django iterates, and closes when the response ends in any way.

    A client may be gone before the first event is asked for. Nobody starts the iterator
    then, so `close` is where the admission ends in every case.
    """

    def __init__(
        self, admission: Admission, render: Render, settle: Close | None
    ) -> None:
        self._admission = admission
        self._render = render
        self._settle = settle
        self._events = stream(admission, settle)
        self._first: list[PredictEvent] = []
        self._numbers = itertools.count(1)
        self._chunks = self._write()
        self.is_over = False

    async def begin(self) -> None:
        """Raises what ended the call before the engine took it in."""
        first = await anext(self._events)
        if isinstance(first, Failed):
            await self._events.aclose()
            self.is_over = True
            raise first.error
        self._first.append(first)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks

    def close(self) -> None:
        if not self.is_over:
            async_to_sync(self._aclose)()
            discard(self._admission, self._settle)

    async def _aclose(self) -> None:
        await self._chunks.aclose()
        await self._events.aclose()

    async def _write(self) -> AsyncGenerator[bytes]:
        for predict_event in self._first:
            if frames := self._frames(predict_event):
                yield frames
        async with aclosing(self._events) as events:
            async for predict_event in events:
                if frames := self._frames(predict_event):
                    yield frames
        self.is_over = True

    def _frames(self, predict_event: PredictEvent) -> bytes:
        return b"".join(
            format_event(data, event=event, event_id=next(self._numbers))
            for event, data in self._render(predict_event)
        )
