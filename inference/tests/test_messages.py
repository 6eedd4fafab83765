from __future__ import annotations

import asyncio

import pytest

from inference.frames import CLIENT_MESSAGES, FrameInvalid, pack, read_message
from inference.messages import (
    Abort,
    ClientMessage,
    TokenEvent,
    TokenLogprob,
    merge_events,
)
from inference.sampling_params import BeamParams
from inference.tests.fakes import submit


def read(data: bytes) -> ClientMessage | None:
    async def feed() -> ClientMessage | None:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        return await read_message(reader, CLIENT_MESSAGES)

    return asyncio.run(feed())


@pytest.mark.parametrize(
    "message",
    [
        submit(
            "a", "prompt", stop=("x",), logit_bias={3: -1.5}, bad_words_ids=((1, 2),)
        ),
        submit("a", "prompt", beams=BeamParams(num_beams=3, early_stopping=None)),
        Abort("a"),
    ],
)
def test_it_reads_back_what_was_packed(message: ClientMessage) -> None:
    assert read(pack(message)) == message


def test_it_takes_a_closed_or_torn_connection_for_the_end() -> None:
    assert read(b"") is None
    assert read(pack(Abort("a"))[:-1]) is None


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xff", b"\x00\x00\x00\x01\xc0"])
def test_it_refuses_frames_that_are_no_message(data: bytes) -> None:
    with pytest.raises(FrameInvalid):
        read(data)


def test_it_merges_events_of_a_slow_reader() -> None:
    first = TokenEvent(request_id="a", token_ids=[1], text="x", queue_seconds=0.5)
    second = TokenEvent(request_id="a", token_ids=[2], text="y", finish_reason="length")

    assert merge_events(first, second) == TokenEvent(
        request_id="a",
        token_ids=[1, 2],
        text="xy",
        queue_seconds=0.5,
        finish_reason="length",
    )


def test_it_merges_logprobs_and_what_beams_have_computed() -> None:
    chosen = [TokenLogprob(n, -0.5, 1) for n in range(2)]
    first = TokenEvent(
        request_id="a",
        logprobs=chosen[:1],
        prompt_logprobs=[None, chosen[0]],
        num_hidden_tokens=3,
    )
    second = TokenEvent(request_id="a", logprobs=chosen[1:], num_hidden_tokens=4)

    merged = merge_events(first, second)

    assert merged.logprobs == chosen
    assert merged.prompt_logprobs == [None, chosen[0]]
    assert merged.num_hidden_tokens == 7
