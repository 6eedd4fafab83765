"""The web process's door to the engine process. Asyncio, and no torch."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path

from inference.errors import EngineUnavailable
from inference.frames import ENGINE_MESSAGES, FrameInvalid, pack, read_message
from inference.mailbox import Mailbox
from inference.messages import (
    Abort,
    ClientMessage,
    EngineMessage,
    GetHealth,
    Health,
    LoadModel,
    StepEvents,
    Submit,
    TokenEvent,
    UnloadModel,
    error_event,
)


class EngineClient:
    """One connection for all streams. When it is lost, every stream ends with an error
    event and `connect` may be called again."""

    def __init__(self, socket_path: str | Path) -> None:
        self._socket_path = socket_path
        self._streams: dict[str, Mailbox] = {}
        self._health_waiters: list[asyncio.Future[Health]] = []
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def is_connected(self) -> bool:
        return self._writer is not None

    async def connect(self) -> None:
        """Raises `EngineUnavailable` when nobody listens."""
        try:
            reader, writer = await asyncio.open_unix_connection(self._socket_path)
        except OSError as error:
            raise EngineUnavailable(f"no engine listens: {error}") from error
        self._writer = writer
        self._reading = asyncio.create_task(self._read(reader))

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading
            self._reading = None

    async def submit(self, submit: Submit) -> AsyncGenerator[TokenEvent]:
        """Events of the request: first an empty one when the engine has taken it in,
        the last with a `finish_reason`. Leaving early aborts."""
        events = Mailbox()
        self._streams[submit.request_id] = events
        finished = False
        try:
            self._send_or_fail(submit, events)
            while not finished:
                event = await events.take()
                finished = event.finish_reason is not None
                yield event
        finally:
            self._streams.pop(submit.request_id, None)
            if not finished:
                await self.abort(submit.request_id)

    async def abort(self, request_id: str) -> None:
        """Ask for an early end; the stream's last event tells when it is done."""
        with contextlib.suppress(EngineUnavailable):
            self._send(Abort(request_id))

    async def health(self) -> Health:
        """Raises `EngineUnavailable` when the engine is not there to answer."""
        answer: asyncio.Future[Health] = asyncio.get_running_loop().create_future()
        self._send(GetHealth())
        self._health_waiters.append(answer)
        return await answer

    async def load_model(self, name: str, path: str | Path) -> None:
        """Start loading; `health` tells when the model is ready or why it failed."""
        self._send(LoadModel(name, str(path)))

    async def unload_model(self, name: str) -> None:
        self._send(UnloadModel(name))

    def _send(self, message: ClientMessage) -> None:
        if self._writer is None or self._writer.is_closing():
            raise EngineUnavailable("the connection to the engine is lost")
        self._writer.write(pack(message))

    def _send_or_fail(self, submit: Submit, events: Mailbox) -> None:
        try:
            self._send(submit)
        except EngineUnavailable as error:
            events.put(error_event(submit.request_id, error))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while message := await read_message(reader, ENGINE_MESSAGES):
                self._dispatch(message)
        except FrameInvalid:
            pass
        finally:
            self._fail_everyone(
                EngineUnavailable("the connection to the engine is lost")
            )

    def _dispatch(self, message: EngineMessage) -> None:
        match message:
            case StepEvents():
                for event in message.events:
                    events = self._streams.get(event.request_id)
                    if events is not None:
                        events.put(event)
            case Health():
                waiters, self._health_waiters = self._health_waiters, []
                for waiter in waiters:
                    if not waiter.done():
                        waiter.set_result(message)

    def _fail_everyone(self, error: EngineUnavailable) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        for request_id, events in self._streams.items():
            events.put(error_event(request_id, error))
        for waiter in self._health_waiters:
            if not waiter.done():
                waiter.set_exception(error)
        self._health_waiters.clear()
