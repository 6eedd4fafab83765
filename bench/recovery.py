"""How long streams pause when the engine is killed: `python -m bench.recovery`.

Runs the site as `make run` does, with 16 seeded streams, kills the engine process with
SIGKILL, and watches from outside: when `/health` says that there is no engine, when
another one has been started, and when each stream goes on.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx

from bench.checkpoint import NEO_TINY
from bench.site import predict_path, run_site
from e2e.live_server import LiveServer

STREAMS = 16
NEW_TOKENS = 400
# Every stream has had so many when the engine is killed.
KILL_AFTER = 20
LOOK_SECONDS = 0.002
Times = dict[str, float]


class Stream:
    """One seeded stream, and when each of its events came."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.moments: list[float] = []
        self.last_event = ""

    async def read(self, client: httpx.AsyncClient, path: str) -> None:
        parameters = {"max_new_tokens": NEW_TOKENS, "seed": self.seed}
        body = {"inputs": "It was", "parameters": parameters, "stream": True}
        async with client.stream("POST", path, json=body) as response:
            async for line in response.aiter_lines():
                if line.startswith("event: "):
                    self.last_event = line.removeprefix("event: ")
                    self.moments.append(time.perf_counter())


async def recover(server: LiveServer, path: str, api_token: str) -> Times:
    """Seconds from the kill to each of the things that follow it."""
    headers = {"Authorization": f"Bearer {api_token}"}
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        base_url=server.address, headers=headers, limits=limits, timeout=120
    ) as client:
        streams = [Stream(seed) for seed in range(STREAMS)]
        reading = asyncio.gather(*(one.read(client, path) for one in streams))
        await until(lambda: all(len(s.moments) > KILL_AFTER for s in streams))
        engine = server.engine_pid()
        killed = time.perf_counter()
        os.kill(engine, signal.SIGKILL)
        noticed, started = await asyncio.gather(
            moment_when(lambda: is_noticed(client)),
            moment_when(lambda: is_replaced(server, engine)),
        )
        await reading
    if any(stream.last_event != "completed" for stream in streams):
        raise SystemExit("a stream did not go on to its end")
    resumed = [first_after(stream, started) for stream in streams]
    return {
        "noticed": noticed - killed,
        "another engine started": started - killed,
        "first stream goes on": min(resumed) - killed,
        "last stream goes on": max(resumed) - killed,
    }


async def is_noticed(client: httpx.AsyncClient) -> bool:
    health = await client.get("/health")
    return bool(health.json()["engine"] == "engine_unavailable")


async def is_replaced(server: LiveServer, engine: int) -> bool:
    return bool(set(server.engine_pids()) - {engine})


async def moment_when(condition: Callable[[], Awaitable[bool]]) -> float:
    while not await condition():
        await asyncio.sleep(LOOK_SECONDS)
    return time.perf_counter()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(LOOK_SECONDS)


def first_after(stream: Stream, moment: float) -> float:
    return next(one for one in stream.moments if one > moment)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=NEO_TINY)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    folder: Path = arguments.checkpoint
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as data_dir,
        run_site(folder, Path(data_dir), arguments.precision) as server,
    ):
        server.wait_until_ready()
        api_token = server.create_account("recovery", "premium").api_token
        rounds = [
            asyncio.run(recover(server, predict_path(folder), api_token))
            for _ in range(arguments.rounds)
        ]
    for name in rounds[0]:
        seconds = sorted(times[name] for times in rounds)
        sys.stdout.write(
            f"{name:24} median {statistics.median(seconds) * 1000:6.0f} ms, "
            f"{seconds[0] * 1000:.0f} to {seconds[-1] * 1000:.0f}\n"
        )


if __name__ == "__main__":
    main()
