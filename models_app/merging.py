"""Several async iterators read as one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import TypeVar

Item = TypeVar("Item")
# What the pumps queue: an item, an iterator's end (None), or its failure.
Entry = tuple[int, Item | BaseException | None]


async def merge(
    iterators: Sequence[AsyncGenerator[Item]],
) -> AsyncGenerator[tuple[int, Item]]:
    """Each item with its iterator's number, as they come.

    The first failure is raised and ends the others; so does closing this iterator.
    """
    queue: asyncio.Queue[Entry[Item]] = asyncio.Queue()
    pumps = [
        asyncio.create_task(_pump(index, iterator, queue))
        for index, iterator in enumerate(iterators)
    ]
    try:
        async for pair in _drain(queue, len(pumps)):
            yield pair
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


def merge_once_begun(
    iterators: Sequence[AsyncGenerator[Item]],
) -> AsyncGenerator[tuple[int, Item]]:
    """As `merge`, but nothing comes out before each of them has brought something: if
    one fails at its very beginning, nothing has been said yet."""
    return _alone(*iterators) if len(iterators) == 1 else _hold_back(iterators)


async def _alone(iterator: AsyncGenerator[Item]) -> AsyncGenerator[tuple[int, Item]]:
    async with aclosing(iterator) as items:
        async for item in items:
            yield 0, item


async def _hold_back(
    iterators: Sequence[AsyncGenerator[Item]],
) -> AsyncGenerator[tuple[int, Item]]:
    held: list[tuple[int, Item]] = []
    missing = set(range(len(iterators)))
    async with aclosing(merge(iterators)) as pairs:
        async for pair in pairs:
            held.append(pair)
            missing.discard(pair[0])
            while held and not missing:
                yield held.pop(0)
    for pair in held:
        yield pair


async def _pump(
    index: int, iterator: AsyncGenerator[Item], queue: asyncio.Queue[Entry[Item]]
) -> None:
    try:
        async with aclosing(iterator) as items:
            async for item in items:
                queue.put_nowait((index, item))
    except Exception as error:  # noqa: BLE001 -- handed to the reader, who raises it
        queue.put_nowait((index, error))
    else:
        queue.put_nowait((index, None))


async def _drain(
    queue: asyncio.Queue[Entry[Item]], running: int
) -> AsyncIterator[tuple[int, Item]]:
    while running:
        index, item = await queue.get()
        if isinstance(item, BaseException):
            raise item
        if item is None:
            running -= 1
        else:
            yield index, item
