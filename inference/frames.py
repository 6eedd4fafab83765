"""Messages as frames: four bytes of length, big-endian, then msgpack."""

from __future__ import annotations

import asyncio
from typing import TypeVar

import msgspec

from inference.messages import ClientMessage, EngineMessage

MAX_FRAME_BYTES = 64 * 2**20
Message = TypeVar("Message")

_encoder = msgspec.msgpack.Encoder()
CLIENT_MESSAGES = msgspec.msgpack.Decoder(ClientMessage)
ENGINE_MESSAGES = msgspec.msgpack.Decoder(EngineMessage)


class FrameInvalid(Exception):
    """What arrived is not a message of this protocol."""


def pack(message: ClientMessage | EngineMessage) -> bytes:
    body = _encoder.encode(message)
    return len(body).to_bytes(4, "big") + body


async def read_message(
    reader: asyncio.StreamReader, decoder: msgspec.msgpack.Decoder[Message]
) -> Message | None:
    """The next message, or `None` when the other side has gone."""
    try:
        length = int.from_bytes(await reader.readexactly(4), "big")
        if length > MAX_FRAME_BYTES:
            raise FrameInvalid(f"a frame of {length} bytes")
        return decoder.decode(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    except msgspec.MsgspecError as error:
        raise FrameInvalid(str(error)) from error
