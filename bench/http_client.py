"""An HTTP client that costs the server's processor as little as it can.

It shares the machine with what it measures, so it reads no more of an answer than
where its events and its end are.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

DELTA = b"event: delta"
HEAD_END = b"\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
# Servers close a connection that has been idle for some seconds.
KEEP_SECONDS = 2.0
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_USAGE = re.compile(
    rb'(?:"completion_tokens": ?|"generated_tokens": ?|x-generated-tokens: )(\d+)',
    re.IGNORECASE,
)


class RequestFailed(Exception):
    """The server did not answer with what was asked for."""


@dataclass(slots=True)
class Answer:
    """What came back, and when each event with `delta` in it did."""

    started: float
    delta: bytes = DELTA
    moments: list[float] = field(default_factory=list)
    data: bytearray = field(default_factory=bytearray)
    has_head: bool = False
    # Of head and body; None: the body says itself when it ends.
    num_bytes: int | None = None

    @property
    def ended(self) -> float:
        return self.moments[-1] if self.moments else self.started

    @property
    def num_tokens(self) -> int:
        """As the server counted them; its last word is the total."""
        return int(_USAGE.findall(self.data)[-1])

    @property
    def is_whole(self) -> bool:
        if not self.has_head:
            return False
        if self.num_bytes is None:
            return self.data.endswith(LAST_CHUNK)
        return len(self.data) >= self.num_bytes

    def take(self, data: bytes) -> None:
        self.data += data
        if not self.has_head:
            self._look_for_head()
        self.moments += [time.perf_counter()] * data.count(self.delta)

    def _look_for_head(self) -> None:
        head_end = self.data.find(HEAD_END)
        if head_end < 0:
            return
        self.has_head = True
        if length := _LENGTH.search(self.data, 0, head_end):
            self.num_bytes = head_end + len(HEAD_END) + int(length[1])

    def check(self) -> None:
        status = bytes(self.data.partition(b"\r\n")[0])
        if b" 200 " not in status or b"event: error" in self.data:
            raise RequestFailed(self.data[-500:].decode(errors="replace"))


class Connection(asyncio.Protocol):
    """One connection that is kept, for one request after another."""

    def __init__(
        self,
        url: str,
        api_token: str,
        content_type: str = "application/json",
        delta: bytes = DELTA,
    ) -> None:
        parts = urlsplit(url)
        self._address = parts.hostname or "", parts.port or 80
        self._head = (
            f"POST {parts._replace(scheme='', netloc='').geturl()} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"Authorization: Bearer {api_token}\r\n"
            f"Content-Type: {content_type}\r\nContent-Length: "
        )
        self._delta = delta
        self._transport: asyncio.Transport | None = None
        self._answer = Answer(0.0)
        self._whole: asyncio.Future[None] | None = None

    @property
    def is_stale(self) -> bool:
        """Whether the server may be about to close it."""
        return time.perf_counter() - self._answer.ended > KEEP_SECONDS

    def num_deltas(self) -> int:
        """Of the answer that is coming."""
        return len(self._answer.moments)

    async def post(self, body: bytes) -> Answer:
        """Returns when the answer is whole; raises `RequestFailed` if it is not 200."""
        loop = asyncio.get_running_loop()
        if self._transport is None:
            await loop.create_connection(lambda: self, *self._address)
        transport = cast("asyncio.Transport", self._transport)
        self._whole = loop.create_future()
        self._answer = Answer(time.perf_counter(), self._delta)
        transport.write(f"{self._head}{len(body)}\r\n\r\n".encode() + body)
        await self._whole
        self._answer.check()
        return self._answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._whole is not None and not self._whole.done():
            self._whole.set_exception(RequestFailed("the connection was lost"))

    def data_received(self, data: bytes) -> None:
        self._answer.take(data)
        if self._answer.is_whole and self._whole is not None:
            self._answer.moments = self._answer.moments or [time.perf_counter()]
            self._whole.set_result(None)
