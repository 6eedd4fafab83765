from __future__ import annotations

import asyncio

from inference.mailbox import Mailbox
from inference.messages import TokenEvent


def token(number: int) -> TokenEvent:
    return TokenEvent(request_id="a", token_ids=[number], text=str(number))


def test_it_hands_over_each_event_to_a_reader_who_waits() -> None:
    async def scenario() -> list[list[int]]:
        mailbox, taken = Mailbox(), []
        for number in range(3):
            taking = asyncio.create_task(mailbox.take())
            await asyncio.sleep(0)
            mailbox.put(token(number))
            taken.append((await taking).token_ids)
        return taken

    assert asyncio.run(scenario()) == [[0], [1], [2]]


def test_it_joins_what_a_slow_reader_has_not_taken() -> None:
    async def scenario() -> TokenEvent:
        mailbox = Mailbox()
        for number in range(3):
            mailbox.put(token(number))
        return await mailbox.take()

    event = asyncio.run(scenario())
    assert (event.token_ids, event.text) == ([0, 1, 2], "012")
