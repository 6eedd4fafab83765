"""Neuro as `make run` starts it, asked over HTTP: `… http FOLDER PRECISION`.

This process is the load: the site and its engine are processes of their own. Streams
are those of the native API.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from bench.doors import NATIVE, Door, Wish
from bench.http_client import Answer, Connection
from bench.peers import NUM_SLOTS
from bench.protocol import (
    UNDISTURBED,
    Figures,
    Prompts,
    answer_commands,
    figures_of,
    joining_figures,
    median_ms,
)
from bench.site import run_site, slug_of
from inference.tokenizer import Tokenizer

# Each account may make 600 requests a minute.
NUM_ACCOUNTS = 4
# Longer than a completion takes, so that clients do not move in step.
SPREAD_SECONDS = 1.5
POLL_SECONDS = 0.002
Result = TypeVar("Result")


class HttpPeer:
    """`address` ends with a slash."""

    def __init__(
        self,
        address: str,
        api_tokens: Sequence[str],
        folder: Path,
        door: Door = NATIVE,
    ) -> None:
        self._model = slug_of(folder)
        self._door = door
        self._url = address.rstrip("/") + door.path.format(slug=self._model)
        self._api_tokens = itertools.cycle(api_tokens)
        self._tokenizer = Tokenizer.load(folder)
        self._loop = uvloop.new_event_loop()
        self._idle: list[Connection] = []

    def decode(self, prompts: Prompts, new_tokens: int) -> Figures:
        started = time.perf_counter()
        answers = self._run_together(
            [self._stream(prompt, new_tokens) for prompt in prompts]
        )
        num_tokens = sum(answer.num_tokens for answer in answers)
        return figures_of(started, [answer.moments for answer in answers], num_tokens)

    def one_token(self, prompts: Prompts) -> Figures:
        """Answers in one piece, one after the other."""
        return {"total_ms": median_ms([self._seconds(prompt) for prompt in prompts])}

    def prefix(self, first: list[int], second: list[int]) -> Figures:
        """Two prompts that begin alike, one after the other."""
        return {
            "first_ttft_ms": 1e3 * self._first_token(first),
            "second_ttft_ms": 1e3 * self._first_token(second),
        }

    def joining(
        self, prompts: Prompts, new_tokens: int, long_prompt: list[int]
    ) -> Figures:
        streams, long = self._loop.run_until_complete(
            self._join(prompts, new_tokens, long_prompt)
        )
        moments = [answer.moments for answer in streams]
        return joining_figures(moments, long.started, long.moments[0])

    def steady(
        self, prompts: list[Prompts], new_tokens: int, unloaded: Prompts
    ) -> Figures:
        """Clients that start at random times and ask again when they are answered."""
        alone = [self._first_token(prompt) for prompt in unloaded]
        waits = self._run_together([self._client(mine, new_tokens) for mine in prompts])
        seconds = list(itertools.chain.from_iterable(waits))
        return {
            "unloaded_ttft_ms": median_ms(alone),
            "p50_ttft_ms": median_ms(seconds),
            "p95_ttft_ms": 1e3 * statistics.quantiles(seconds, n=20)[-1],
        }

    async def _client(self, prompts: Prompts, new_tokens: int) -> list[float]:
        await asyncio.sleep(random.uniform(0, SPREAD_SECONDS))
        answers = [await self._stream(prompt, new_tokens) for prompt in prompts]
        return [answer.moments[0] - answer.started for answer in answers]

    async def _join(
        self, prompts: Prompts, new_tokens: int, long_prompt: list[int]
    ) -> tuple[list[Answer], Answer]:
        connections = [self._connection() for _ in prompts]
        bodies = [
            self._body(prompt, new_tokens, is_streamed=True) for prompt in prompts
        ]
        posts = map(Connection.post, connections, bodies)
        running = asyncio.gather(*posts)
        while min(map(Connection.num_deltas, connections)) < new_tokens * UNDISTURBED:
            await asyncio.sleep(POLL_SECONDS)
        long = await self._stream(long_prompt, 1)
        answers = await running
        self._idle += connections
        return answers, long

    def _first_token(self, prompt: list[int]) -> float:
        (answer,) = self._run_together([self._stream(prompt, 1)])
        return answer.moments[0] - answer.started

    def _seconds(self, prompt: list[int]) -> float:
        (answer,) = self._run_together(
            [self._post(self._body(prompt, 1, is_streamed=False))]
        )
        return answer.ended - answer.started

    async def _stream(self, prompt: list[int], new_tokens: int) -> Answer:
        return await self._post(self._body(prompt, new_tokens, is_streamed=True))

    async def _post(self, body: bytes) -> Answer:
        connection = self._connection()
        answer = await connection.post(body)
        self._idle.append(connection)
        return answer

    def _connection(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_stale:
                return connection
            connection.close()
        door = self._door
        return Connection(
            self._url, next(self._api_tokens), door.content_type, door.delta
        )

    def _body(self, prompt: list[int], new_tokens: int, *, is_streamed: bool) -> bytes:
        text = self._tokenizer.decode(prompt)
        return self._door.write(Wish(self._model, text, new_tokens, is_streamed))

    def _run_together(
        self, works: Sequence[Coroutine[Any, Any, Result]]
    ) -> list[Result]:
        async def gather() -> list[Result]:
            return await asyncio.gather(*works)

        return self._loop.run_until_complete(gather())


@contextmanager
def run_peer_site(folder: Path, precision: str) -> Iterator[tuple[str, list[str]]]:
    """A site with accounts for the load: its address and their API tokens."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as data_dir,
        run_site(
            folder, Path(data_dir), precision, NEURO_ENGINE_SLOTS=str(NUM_SLOTS)
        ) as server,
    ):
        names = [f"bench{number}" for number in range(NUM_ACCOUNTS)]
        accounts = server.create_accounts(**dict.fromkeys(names, "premium"))
        server.wait_until_ready()
        yield server.address, [account.api_token for account in accounts]


def main() -> None:
    folder, precision = Path(sys.argv[1]), sys.argv[2]
    with run_peer_site(folder, precision) as (address, api_tokens):
        peer = HttpPeer(address, api_tokens, folder)
        answer_commands(
            {
                "decode": peer.decode,
                "one_token": peer.one_token,
                "prefix": peer.prefix,
                "joining": peer.joining,
                "steady": peer.steady,
            }
        )


if __name__ == "__main__":
    main()
