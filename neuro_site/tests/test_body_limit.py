from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from neuro_site.asgi_types import Message, Receive, Send
from neuro_site.body_limit import limit_body


async def echo(scope: Message, receive: Receive, send: Send) -> None:
    """An application that reads the whole body and answers with it."""
    body, is_whole = b"", False
    while not is_whole:
        message = await receive()
        body += message["body"]
        is_whole = not message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def call(
    chunks: Sequence[bytes],
    *,
    path: str = "/api/v1/models",
    declares: int | None = None,
    ends: bool = True,
) -> tuple[int, bytes]:
    """With `ends` false the last chunk is not the body's, and nothing comes after."""
    waiting = [
        {
            "type": "http.request",
            "body": chunk,
            "more_body": not ends or n < len(chunks) - 1,
        }
        for n, chunk in enumerate(chunks)
    ]
    sent: list[Message] = []
    length = [] if declares is None else [(b"content-length", b"%d" % declares)]

    async def receive() -> Message:
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {"type": "http", "path": path, "headers": length}
    async_to_sync(limit_body(echo, max_bytes=10, max_seconds=0.01))(
        scope, receive, send
    )
    return sent[0]["status"], sent[1]["body"]


def test_it_lets_through_what_fits() -> None:
    assert call([b"12345", b"67890"], declares=10) == (200, b"1234567890")


@pytest.mark.parametrize("declares", [None, 5])
def test_it_stops_reading_at_the_limit_whatever_was_declared(
    declares: int | None,
) -> None:
    status, body = call([b"12345", b"678901", b"never read"], declares=declares)

    assert status == 413
    assert json.loads(body)["error"]["code"] == "request_too_large"


def test_it_refuses_a_declared_length_without_reading() -> None:
    status, body = call([], declares=11)

    assert status == 413
    assert "10 bytes" in json.loads(body)["error"]["message"]


def test_it_speaks_as_the_door_that_was_knocked_at() -> None:
    _, body = call([], path="/UploadData", declares=11)

    assert isinstance(json.loads(body)["error"], str)


@pytest.mark.parametrize("chunks", [[], [b"12345"]])
def test_it_waits_so_long_for_the_rest_of_a_body(chunks: list[bytes]) -> None:
    status, body = call(chunks, ends=False)

    assert status == 408
    assert json.loads(body)["error"]["code"] == "request_timeout"
