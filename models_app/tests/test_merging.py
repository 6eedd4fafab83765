from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from asgiref.sync import async_to_sync

from models_app.merging import merge, merge_once_begun


class Source:
    """An iterator that notes that it was closed, and may fail after its items."""

    def __init__(self, *items: str, failure: Exception | None = None) -> None:
        self.items, self.failure = items, failure
        self.is_closed = False

    async def read(self) -> AsyncGenerator[str]:
        try:
            for item in self.items:
                await asyncio.sleep(0)
                yield item
            if self.failure:
                raise self.failure
        finally:
            self.is_closed = True


async def collect(*sources: Source) -> list[tuple[int, str]]:
    return [pair async for pair in merge([source.read() for source in sources])]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_it_reads_every_item_with_its_iterators_number(count: int) -> None:
    sources = [Source("a", "b") for _ in range(count)]

    pairs = async_to_sync(collect)(*sources)

    assert sorted(pairs) == [(n, item) for n in range(count) for item in "ab"]
    assert all(source.is_closed for source in sources)


def test_it_keeps_the_order_within_an_iterator() -> None:
    pairs = async_to_sync(collect)(Source(*"abc"), Source(*"xyz"))

    assert [item for number, item in pairs if number == 1] == ["x", "y", "z"]


@pytest.mark.parametrize("others", [0, 2])
def test_it_raises_the_first_failure_and_closes_the_others(others: int) -> None:
    sources = [Source("a", failure=KeyError("k"))]
    sources += [Source(*"abcdefgh") for _ in range(others)]

    with pytest.raises(KeyError):
        async_to_sync(collect)(*sources)

    assert all(source.is_closed for source in sources)


@pytest.mark.parametrize("count", [1, 3])
def test_it_closes_all_when_it_is_closed(count: int) -> None:
    sources = [Source(*"abc") for _ in range(count)]

    async def read_one() -> None:
        async with aclosing(merge([source.read() for source in sources])) as pairs:
            await anext(pairs)

    async_to_sync(read_one)()

    assert any(source.is_closed for source in sources)
    assert len({source.is_closed for source in sources}) == 1


def test_it_lets_nothing_out_before_all_have_begun() -> None:
    async def taken(*sources: Source) -> list[tuple[int, str]]:
        pairs: list[tuple[int, str]] = []
        iterators = [source.read() for source in sources]
        try:
            async with aclosing(merge_once_begun(iterators)) as merged:
                async for pair in merged:
                    pairs.append(pair)  # noqa: PERF401 - what came before a failure
        except ValueError:
            pairs.append((-1, "refused"))
        return pairs

    refused = Source(failure=ValueError("full"))
    assert async_to_sync(taken)(Source("a"), Source("b", "c")) == [
        (0, "a"),
        (1, "b"),
        (1, "c"),
    ]
    assert async_to_sync(taken)(Source("a", "b", "c"), refused) == [(-1, "refused")]
    assert async_to_sync(taken)(Source("a"), Source()) == [(0, "a")]
