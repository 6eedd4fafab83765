from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable

from neuro_site.asgi_types import Message, Receive, Send
from neuro_site.gate import Gate


class Slow:
    """An application that answers when it is let."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        await self.may_end.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})


async def call(gate: Gate) -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError

    await gate({"type": "http", "path": "/api/v1/models"}, receive, send)
    return sent


async def around_a_closing() -> tuple[list[Message], list[Message], list[int]]:
    application = Slow()
    gate = Gate(application)
    inside = asyncio.create_task(call(gate))
    await asyncio.sleep(0)
    counts = [gate.num_inside]
    gate.close()
    refused = await call(gate)
    counts.append(gate.num_inside)
    application.may_end.set()
    finished = await inside
    return finished, refused, [*counts, gate.num_inside]


def headers(message: Message) -> dict[bytes, bytes]:
    pairs: Iterable[tuple[bytes, bytes]] = message["headers"]
    return dict(pairs)


def test_it_lets_what_is_inside_end_and_refuses_what_comes_later() -> None:
    finished, (start, body), counts = asyncio.run(around_a_closing())

    assert finished[0]["status"] == 200
    assert start["status"] == 503
    assert int(headers(start)[b"retry-after"]) > 0
    assert headers(start)[b"connection"] == b"close"
    assert json.loads(body["body"])["error"]["code"] == "server_stopping"
    assert counts == [1, 1, 0]
