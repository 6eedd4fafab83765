"""Clients that read nothing, an engine that is killed: nobody else may notice."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier

import httpx
import pytest

from e2e import sse
from e2e.live_server import Account, LiveServer, start_live_server
from e2e.programs import PATIENCE, wait_until
from e2e.sockets import ask_and_read_nothing

PREDICT = "/api/v1/models/neo-tiny/predict"
STREAMS = 16
DEAF_CLIENTS = 4
# The first engine and the three that continue a stream.
MAX_ENGINES = 4


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with start_live_server(
        tmp_path_factory.mktemp("data"), NEURO_PRECISION="fp32"
    ) as live_server:
        live_server.wait_until_ready()
        yield live_server


@pytest.fixture(scope="module")
def account(own_server: LiveServer) -> Account:
    return own_server.create_account("endurance", "premium")


def body_of(seed: int, new_tokens: int) -> dict[str, object]:
    parameters = {"max_new_tokens": new_tokens, "seed": seed, "temperature": 0.9}
    return {"inputs": "It was", "parameters": parameters, "stream": True}


def read_stream(
    server: LiveServer, account: Account, seed: int, begun: Barrier | None = None
) -> tuple[str, str]:
    """The text of a seeded stream and the name of its last event."""
    text, last = "", ""
    with httpx.stream(
        "POST",
        server.url(PREDICT),
        json=body_of(seed, 200),
        headers=account.headers,
        timeout=120,
    ) as response:
        for event in sse.events(response.iter_lines()):
            last = event.name
            if event.name == "delta":
                if begun is not None and not text:
                    begun.wait(timeout=60)
                text += event.data["text"]
    return text, last


def test_it_continues_every_stream_when_the_engine_is_killed(
    own_server: LiveServer, account: Account
) -> None:
    engine = own_server.engine_pid()
    begun = Barrier(STREAMS, action=lambda: os.kill(engine, signal.SIGKILL))
    with ThreadPoolExecutor(STREAMS) as pool:
        streams = [
            pool.submit(read_stream, own_server, account, seed, begun)
            for seed in range(STREAMS)
        ]
        disturbed = [stream.result() for stream in streams]
        assert own_server.engine_pid() != engine
        undisturbed = list(
            pool.map(
                lambda seed: read_stream(own_server, account, seed), range(STREAMS)
            )
        )

    assert {last for _, last in disturbed} == {"completed"}
    assert disturbed == undisturbed


def test_it_ends_a_stream_with_an_error_when_every_engine_dies(
    own_server: LiveServer, account: Account
) -> None:
    killed: list[int] = []
    with httpx.stream(
        "POST",
        own_server.url(PREDICT),
        json=body_of(1, 900),
        headers=account.headers,
        timeout=120,
    ) as response:
        for event in sse.events(response.iter_lines()):
            living = set(own_server.engine_pids()) - set(killed)
            if event.name == "delta" and living:
                killed.append(living.pop())
                os.kill(killed[-1], signal.SIGKILL)

    assert event.name == "error"
    assert event.data["error"]["code"] == "engine_unavailable"
    assert len(killed) >= MAX_ENGINES
    row = own_server.newest_prediction()
    assert (row["status"], row["charged_tokens"]) == ("failed", 0)
    assert own_server.reserved_tokens() == 0
    own_server.wait_until_ready()
    assert read_stream(own_server, account, seed=1)[1] == "completed"


def test_it_serves_others_beside_clients_that_read_nothing(
    own_server: LiveServer, account: Account
) -> None:
    with ExitStack() as stack:
        for seed in range(DEAF_CLIENTS):
            body = body_of(seed, 600)
            stack.enter_context(ask_and_read_nothing(own_server, account, body))
        own_server.wait_until_running(DEAF_CLIENTS)

        text, last = read_stream(own_server, account, seed=1)

        assert text
        assert last == "completed"
        own_server.wait_until_running(0)
    wait_until(
        lambda: own_server.newest_prediction()["status"] != "running",
        what="the ledger is closed",
        seconds=PATIENCE,
    )
