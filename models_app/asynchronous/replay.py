"""The events of an asynchronous prediction, from any of them on, while and after it runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from asgiref.sync import sync_to_async

from models_app.asynchronous.models import UNFINISHED, AsyncEvents, AsyncPrediction
from models_app.asynchronous.stored import StoredEvent, read_events

# As often as a worker writes.
LOOK_SECONDS = 0.1
# So often something is sent, if only to learn that nobody listens.
PING_LOOKS = 150

# The last one is the prediction as it ended. None: nothing has come for a while.
Numbered = tuple[int, StoredEvent | AsyncPrediction] | None


def count_events(prediction: AsyncPrediction) -> int:
    """How many there are, the end included once it has come."""
    last = prediction.events.last()
    written = last.first + len(read_events(last)) - 1 if last else 0
    return written + int(prediction.is_finished)


async def replay(
    prediction: AsyncPrediction, *, after: int = 0
) -> AsyncGenerator[Numbered]:
    """Each event with its number, those first that have passed already."""
    told, is_over, quiet = after, False, 0
    while not is_over:
        is_over, rows = await sync_to_async(_read)(prediction, told)
        quiet += 1
        for row in rows:
            for number, event in enumerate(read_events(row), row.first):
                if number > told:
                    yield number, event
                    told, quiet = number, 0
        if quiet >= PING_LOOKS:
            yield None
            quiet = 0
        if not is_over:
            await asyncio.sleep(LOOK_SECONDS)
    if prediction.is_finished:
        yield told + 1, prediction


def _read(prediction: AsyncPrediction, told: int) -> tuple[bool, list[AsyncEvents]]:
    """Whether it is over, and what is new. Asked in this order: what is over has all."""
    fields = AsyncPrediction.objects.filter(pk=prediction.pk)
    status = fields.values_list("status", flat=True).first()
    is_over = status not in UNFINISHED
    if is_over and status is not None:
        prediction.read_anew()
    before = prediction.events.filter(first__lte=told + 1).last()
    since = before.first if before else 0
    return is_over, list(prediction.events.filter(first__gte=since))
