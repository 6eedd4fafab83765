"""Batches on a live server, whose processes are killed in the middle of one."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from e2e.live_server import Account, LiveServer, start_live_server
from e2e.programs import PATIENCE, wait_until

LINES = 12
SECONDS = 90
# Some end early and nothing ends the others, so that there is a middle for a while.
SHORT, LONG = 20, 300
NUM_SHORT = 2


def calls(**changes: Any) -> list[dict[str, Any]]:
    """Those of one file, whose seeds are their own."""
    return [
        {
            "custom_id": f"call {number}",
            "model": "neo-tiny",
            "inputs": "It was",
            "parameters": {
                "max_new_tokens": SHORT if number <= NUM_SHORT else LONG,
                "eos_token_id": [],
                "seed": number,
            }
            | changes,
        }
        for number in range(1, LINES + 1)
    ]


class Client:
    """One account of its own, so that what it used is known to the token."""

    def __init__(self, server: LiveServer, name: str) -> None:
        self.server = server
        self.account: Account = server.create_account(name, "premium")

    def create(self, lines: list[dict[str, Any]]) -> dict[str, Any]:
        answer = httpx.post(
            self.server.url("/api/v1/batches"),
            content="\n".join(map(json.dumps, lines)),
            headers=self.account.headers | {"Content-Type": "application/jsonl"},
            timeout=PATIENCE,
        )
        assert answer.status_code == httpx.codes.CREATED, answer.text
        return dict(answer.json())

    def read(self, batch: dict[str, Any]) -> dict[str, Any]:
        return dict(self.get(f"/api/v1/batches/{batch['id']}").json())

    def results(self, batch: dict[str, Any]) -> list[dict[str, Any]]:
        answer = self.get(f"/api/v1/batches/{batch['id']}/results")
        return [json.loads(line) for line in answer.text.splitlines()]

    def used_today(self) -> int:
        """Reserved tokens count, too."""
        limits = self.get("/api/v1/me").json()["limits"]
        (count,) = (one for one in limits if one["name"] == "tokens_per_day")
        return int(count["used"])

    def wait_for_middle(self, batch: dict[str, Any]) -> None:
        """Until some lines have ended, others run and others wait."""

        def is_there() -> bool:
            lines = self.read(batch)["lines"]
            return all(lines[name] for name in ("succeeded", "running", "waiting"))

        wait_until(is_there, what="the batch is half done", seconds=SECONDS)

    def wait_for_end(self, batch: dict[str, Any]) -> dict[str, Any]:
        def has_ended() -> bool:
            return self.read(batch)["finished_at"] is not None

        wait_until(has_ended, what="the batch has ended", seconds=SECONDS)
        return self.read(batch)

    def get(self, path: str) -> httpx.Response:
        url = self.server.url(path)
        return httpx.get(url, headers=self.account.headers, timeout=PATIENCE)


def texts_of(results: list[dict[str, Any]]) -> list[str]:
    return [one["prediction"]["predictions"][0]["text"] for one in results]


@pytest.fixture(scope="module")
def durable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with start_live_server(tmp_path_factory.mktemp("batches")) as server:
        server.wait_until_ready()
        yield server


@pytest.fixture(scope="module")
def undisturbed(durable: LiveServer) -> list[dict[str, Any]]:
    client = Client(durable, "undisturbed")
    batch = client.create(calls())
    assert client.wait_for_end(batch)["status"] == "completed"
    return client.results(batch)


def assert_done_once(
    client: Client, batch: dict[str, Any], undisturbed: list[dict[str, Any]]
) -> None:
    """Every line has its result and its charge once, as if nothing had happened."""
    ended = client.wait_for_end(batch)
    results = client.results(batch)
    assert ended["lines"]["succeeded"] == LINES
    assert [one["custom_id"] for one in results] == [
        one["custom_id"] for one in undisturbed
    ]
    assert texts_of(results) == texts_of(undisturbed)
    charged = sum(one["prediction"]["charged_tokens"] for one in undisturbed)
    assert client.used_today() == charged
    for one in results:
        ledger = client.server.ledger(one["prediction"]["id"])
        assert ledger["charged_tokens"] == one["prediction"]["charged_tokens"]


@pytest.mark.parametrize(
    "victim", [LiveServer.worker_pid, LiveServer.engine_pid], ids=["worker", "engine"]
)
def test_it_goes_on_after_a_process_was_killed(
    durable: LiveServer,
    undisturbed: list[dict[str, Any]],
    victim: Callable[[LiveServer], int],
) -> None:
    client = Client(durable, f"of-{victim.__name__}".replace("_", "-"))
    batch = client.create(calls())
    client.wait_for_middle(batch)

    os.kill(victim(durable), signal.SIGKILL)

    assert_done_once(client, batch, undisturbed)


@pytest.mark.slow
def test_it_is_finished_by_the_next_web_process_and_its_worker(
    tmp_path: Path, undisturbed: list[dict[str, Any]]
) -> None:
    with start_live_server(tmp_path) as first:
        first.wait_until_ready()
        client = Client(first, "of-web")
        batch = client.create(calls())
        client.wait_for_middle(batch)
        first.process.kill()
        first.process.wait()

    with start_live_server(tmp_path) as second:
        client.server = second
        assert_done_once(client, batch, undisturbed)


def test_a_canceled_one_ends_in_the_engine_and_keeps_what_it_has(
    durable: LiveServer,
) -> None:
    client = Client(durable, "of-cancel")
    batch = client.create(calls(max_new_tokens=900))

    def runs() -> bool:
        return bool(client.read(batch)["lines"]["running"])

    wait_until(runs, what="lines run", seconds=SECONDS)
    url = batch["urls"]["cancel"]
    httpx.post(url, headers=client.account.headers, timeout=PATIENCE)

    ended = client.wait_for_end(batch)
    durable.wait_until_running(0)
    assert ended["status"] == "canceled"
    results = client.results(batch)
    assert len(results) == LINES
    assert {one["status"] for one in results} <= {"canceled", "succeeded"}
    charges = [one["prediction"] for one in results if one["prediction"]]
    assert client.used_today() == sum(one["charged_tokens"] for one in charges)
