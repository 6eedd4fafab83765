"""Processes that are killed in the middle: nothing is lost, nothing is charged twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from e2e import sse
from e2e.live_server import (
    ROOT,
    Account,
    LiveServer,
    environment_of,
    start_live_server,
)
from e2e.programs import PATIENCE, frozen, wait_until

# Enough to be in the middle of for a while.
NEW_TOKENS = 600
SECONDS = 120
CALL = {
    "model": "neo-tiny",
    "inputs": "It was",
    "parameters": {"max_new_tokens": NEW_TOKENS, "seed": 5, "eos_token_id": []},
}


@pytest.fixture(scope="module")
def durable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with start_live_server(tmp_path_factory.mktemp("durable")) as server:
        server.wait_until_ready()
        yield server


class Client:
    """Calls alone, so that what it used is known to the token."""

    def __init__(self, server: LiveServer, account: Account | None = None) -> None:
        self.server = server
        self.account = account or server.create_account("durable", "premium")
        self.used_before = 0
        self.used_before = self.used()

    def create(self, **changes: Any) -> dict[str, Any]:
        answer = httpx.post(
            self.server.url("/api/v1/predictions"),
            json=CALL | changes,
            headers=self.account.headers,
            timeout=PATIENCE,
        )
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        return dict(answer.json())

    def read(self, prediction: dict[str, Any]) -> dict[str, Any]:
        url = self.server.url(f"/api/v1/predictions/{prediction['id']}")
        return dict(
            httpx.get(url, headers=self.account.headers, timeout=PATIENCE).json()
        )

    def wait_for_text(self, prediction: dict[str, Any]) -> None:
        """Until a worker has written some of it down, and most is still to come."""
        for event in self.stream(prediction):
            if event.name == "delta":
                return

    def stream(
        self, prediction: dict[str, Any], after: str | None = None
    ) -> Iterator[sse.Event]:
        url = self.server.url(f"/api/v1/predictions/{prediction['id']}/stream")
        headers = self.account.headers | ({"Last-Event-ID": after} if after else {})
        with httpx.stream("GET", url, headers=headers, timeout=SECONDS) as response:
            assert response.status_code == httpx.codes.OK
            yield from sse.events(response.iter_lines())

    def wait_for_end(self, prediction: dict[str, Any]) -> dict[str, Any]:
        def has_ended() -> bool:
            return self.read(prediction)["finished_at"] is not None

        wait_until(has_ended, what="the prediction has ended", seconds=SECONDS)
        return self.read(prediction)

    def used(self) -> int:
        """Since it was made, on this day. Reserved tokens count, too."""
        url = self.server.url("/api/v1/me")
        me = httpx.get(url, headers=self.account.headers, timeout=PATIENCE).json()
        (count,) = (one for one in me["limits"] if one["name"] == "tokens_per_day")
        return int(count["used"]) - self.used_before


def text_of(prediction: dict[str, Any]) -> str:
    return str(prediction["output"]["predictions"][0]["text"])


def assert_done_once(
    client: Client, prediction: dict[str, Any], undisturbed: dict[str, Any]
) -> None:
    """It has the text of an undisturbed one, and was charged as one."""
    ended = client.wait_for_end(prediction)
    assert ended["status"] == "succeeded"
    assert text_of(ended) == text_of(undisturbed)
    charged = undisturbed["output"]["charged_tokens"]
    assert ended["output"]["charged_tokens"] == charged
    assert client.used() == charged
    told = "".join(
        event.data["text"] for event in client.stream(ended) if event.name == "delta"
    )
    assert told == text_of(ended)


@pytest.fixture(scope="module")
def account(durable: LiveServer) -> Account:
    return durable.create_account("durable", "premium")


@pytest.fixture
def client(durable: LiveServer, account: Account) -> Client:
    return Client(durable, account)


@pytest.fixture(scope="module")
def undisturbed(durable: LiveServer, account: Account) -> dict[str, Any]:
    client = Client(durable, account)
    return client.wait_for_end(client.create())


def test_another_worker_finishes_what_a_killed_one_had_begun(
    durable: LiveServer, undisturbed: dict[str, Any], client: Client
) -> None:
    prediction = client.create()
    client.wait_for_text(prediction)
    killed = durable.worker_pid()

    with frozen(durable.engine_pid()):
        assert client.read(prediction)["status"] == "processing"
        os.kill(killed, signal.SIGKILL)

    assert_done_once(client, prediction, undisturbed)
    assert durable.worker_pid() != killed


def test_it_waits_for_an_engine_that_was_killed(
    durable: LiveServer, undisturbed: dict[str, Any], client: Client
) -> None:
    prediction = client.create()
    client.wait_for_text(prediction)
    killed = durable.engine_pid()

    with suppress(ProcessLookupError), frozen(killed):
        assert client.read(prediction)["status"] == "processing"
        os.kill(killed, signal.SIGKILL)

    assert_done_once(client, prediction, undisturbed)


def test_readers_go_on_where_they_were(
    durable: LiveServer, undisturbed: dict[str, Any], client: Client
) -> None:
    prediction = client.create()
    text, last = "", ""
    for event in client.stream(prediction):
        last = event.id
        if event.name == "delta":
            text += event.data["text"]
            break
    with frozen(durable.engine_pid()):
        assert client.read(prediction)["status"] == "processing"
        os.kill(durable.worker_pid(), signal.SIGKILL)

    for event in client.stream(prediction, after=last):
        text += event.data["text"] if event.name == "delta" else ""

    assert text == text_of(undisturbed)


def test_a_canceled_one_ends_in_the_engine_and_keeps_what_it_has(
    durable: LiveServer, client: Client
) -> None:
    prediction = client.create(inputs=["It was"] * 4)
    client.wait_for_text(prediction)

    url = prediction["urls"]["cancel"]
    httpx.post(url, headers=client.account.headers, timeout=PATIENCE)

    ended = client.wait_for_end(prediction)
    durable.wait_until_running(0)
    assert ended["status"] == "canceled"
    assert text_of(ended)
    assert 0 < ended["output"]["usage"]["completion_tokens"] < 4 * NEW_TOKENS
    assert client.used() == ended["output"]["charged_tokens"]


def test_the_next_web_process_finishes_what_a_killed_one_had_taken_in(
    tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    with start_live_server(tmp_path) as first:
        first.wait_until_ready()
        client = Client(first)
        prediction = client.create()
        client.wait_for_text(prediction)
        waiting = client.create(parameters={"max_new_tokens": 1})
        children = first.children()
        assert client.read(prediction)["status"] == "processing"
        first.process.kill()
        first.process.wait()

    with start_live_server(tmp_path) as second:
        client.server = second
        ended = client.wait_for_end(prediction)
        small = client.wait_for_end(waiting)
        assert not set(children) & set(second.children())

        assert text_of(ended) == text_of(undisturbed)
        charges = [one["output"]["charged_tokens"] for one in (ended, small)]
        assert client.used() == sum(charges)


@contextmanager
def start_worker(server: LiveServer) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "manage.py", "run_worker"],
        cwd=ROOT,
        env=environment_of(server.data_dir, **server.environment),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.slow
def test_it_is_alike_on_postgresql_with_workers_of_their_own(
    postgresql_url: str, tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    settings = {"DATABASE_URL": postgresql_url, "NEURO_EMBEDDED_WORKER": "false"}
    with start_live_server(tmp_path, **settings) as server:
        server.wait_until_ready()
        client = Client(server)
        with start_worker(server) as first:
            prediction = client.create()
            client.wait_for_text(prediction)
            with frozen(server.engine_pid()):
                assert client.read(prediction)["status"] == "processing"
                first.kill()
            with start_worker(server):
                assert_done_once(client, prediction, undisturbed)
