"""Clients that send or read too slowly are let go; real sockets on a live server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from e2e.live_server import Account, LiveServer, start_live_server
from e2e.programs import PATIENCE, wait_until
from e2e.sockets import (
    ask_and_read_nothing,
    connect,
    head_of,
    is_held_by_the_server,
    read_to_end,
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """One with little patience."""
    with start_live_server(
        tmp_path_factory.mktemp("data"),
        NEURO_READ_SECONDS="1",
        NEURO_WRITE_SECONDS="1",
    ) as live_server:
        live_server.wait_until_ready()
        yield live_server


@pytest.fixture(scope="module")
def account(server: LiveServer) -> Account:
    return server.create_account("slow", "premium")


def test_it_lets_go_of_a_client_that_never_reads(
    server: LiveServer, account: Account
) -> None:
    body: dict[str, object] = {
        "inputs": "It was",
        "parameters": {"max_new_tokens": 600},
        "stream": True,
    }
    with closing(ask_and_read_nothing(server, account, body)) as deaf:
        wait_until(
            lambda: not is_held_by_the_server(deaf),
            what="the connection is gone",
            seconds=PATIENCE,
        )
    server.wait_until_running(0)


@pytest.mark.parametrize("sent", [b"", b"GET /health HTTP/1.1\r\nHos", b"\r\n\r\n"])
def test_it_lets_go_of_a_client_whose_head_does_not_end(
    server: LiveServer, sent: bytes
) -> None:
    with closing(connect(server)) as client:
        client.sendall(sent)

        assert read_to_end(client) == b""


def test_it_gives_the_next_head_on_a_connection_no_more_time(
    server: LiveServer,
) -> None:
    with closing(connect(server)) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /health")

        received = read_to_end(client)

    assert received.startswith(b"HTTP/1.1 200")
    assert received.count(b"HTTP/1.1") == 1


def test_it_tells_a_client_whose_body_does_not_end(
    server: LiveServer, account: Account
) -> None:
    with closing(connect(server)) as client:
        client.sendall(head_of(server, account, 100) + b'{"inputs"')

        head, _, body = read_to_end(client).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 408")
    assert b"connection: close" in head
    assert json.loads(body)["error"]["code"] == "request_timeout"


def test_it_serves_a_stream_that_takes_longer_than_that(
    server: LiveServer, account: Account
) -> None:
    """Waiting for tokens is neither sending nor reading slowly."""
    body = {"inputs": ["It was"] * 15, "parameters": {"max_new_tokens": 500}}

    response = httpx.post(
        server.url("/api/v1/models/neo-tiny/predict"),
        json=body,
        headers=account.headers,
        timeout=60,
    )

    assert response.status_code == httpx.codes.OK
