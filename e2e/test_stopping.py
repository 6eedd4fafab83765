"""Told to stop, the server finishes what runs and refuses what is new."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from e2e import sse
from e2e.live_server import STOP_SECONDS, Account, LiveServer, start_live_server
from e2e.programs import PATIENCE, frozen, wait_until

PREDICT = "/api/v1/models/neo-tiny/predict"
NOT_SOON = {
    "inputs": ["It was"] * 8,
    "parameters": {"max_new_tokens": 900, "do_sample": False},
    "stream": True,
}


@contextmanager
def running_stream(server: LiveServer, account: Account) -> Iterator[httpx.Response]:
    """One that the engine has taken in, with more to come."""
    with httpx.stream(
        "POST",
        server.url(PREDICT),
        json=NOT_SOON,
        headers=account.headers,
        timeout=120,
    ) as response:
        assert response.status_code == httpx.codes.OK
        yield response


def last_event(response: httpx.Response) -> sse.Event:
    return list(sse.events(response.iter_lines()))[-1]


def test_it_finishes_streams_and_refuses_new_calls_with_503(tmp_path: Path) -> None:
    with start_live_server(tmp_path, NEURO_GRACE_SECONDS="120") as server:
        server.wait_until_ready()
        account = server.create_account("stopping", "premium")
        with running_stream(server, account) as response:
            # The stream does not end before the refusal was seen.
            with frozen(server.engine_pid()):
                server.process.send_signal(signal.SIGTERM)
                wait_until(
                    lambda: "error" in server.health().json(),
                    what="new calls are refused",
                    seconds=PATIENCE,
                )
                refusal = httpx.post(
                    server.url(PREDICT),
                    json={"inputs": "It"},
                    headers=account.headers,
                    timeout=PATIENCE,
                )

            assert last_event(response).name == "completed"

        assert refusal.status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert refusal.json()["error"]["code"] == "server_stopping"
        assert int(refusal.headers["Retry-After"]) > 0
        assert server.process.wait(timeout=STOP_SECONDS) == 0


def test_it_ends_with_an_error_what_takes_longer_than_the_grace_time(
    tmp_path: Path,
) -> None:
    with start_live_server(tmp_path, NEURO_GRACE_SECONDS="0") as server:
        server.wait_until_ready()
        account = server.create_account("late", "premium")
        with running_stream(server, account) as response:
            server.process.send_signal(signal.SIGTERM)

            event = last_event(response)

        assert event.name == "error"
        assert event.data["error"]["code"] == "server_stopping"
        assert server.process.wait(timeout=STOP_SECONDS) == 0
        row = server.newest_prediction()
        assert (row["status"], row["charged_tokens"]) == ("failed", 0)
        assert server.reserved_tokens() == 0
