"""Webhooks of a live server, whose worker is killed while it delivers one."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from e2e.live_server import LiveServer, start_live_server
from e2e.programs import PATIENCE, wait_until
from e2e.serving import serving

SECONDS = 60
CALL = {"model": "neo-tiny", "inputs": "It was", "parameters": {"max_new_tokens": 4}}


class Receiver(ThreadingHTTPServer):
    """Leaves its first caller without an answer, refuses the second, takes the rest."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.may_end = threading.Event()


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.received.append((headers, body))
        count = len(self.server.received)
        if count == 1:
            self.server.may_end.wait(SECONDS)
            return
        self.send_response(500 if count == 2 else 204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with serving(Receiver()) as receiver:
        try:
            yield receiver
        finally:
            receiver.may_end.set()


class Client:
    def __init__(self, server: LiveServer) -> None:
        scopes = ("--scope=predict", "--scope=manage:webhooks")
        account = server.create_account("of-webhooks", "premium", *scopes)
        self._http = httpx.Client(
            base_url=server.url("/api/v1/"), headers=account.headers, timeout=PATIENCE
        )

    def get(self, path: str) -> Any:
        return self._http.get(path).raise_for_status().json()

    def post(self, path: str, **body: object) -> Any:
        return self._http.post(path, json=body).raise_for_status().json()


@pytest.mark.slow
def test_it_delivers_the_same_message_after_a_worker_that_was_killed(
    tmp_path: Path, receiver: Receiver
) -> None:
    allowed = {"NEURO_WEBHOOK_PRIVATE_ADDRESSES": "true"}
    with start_live_server(tmp_path, **allowed) as server:
        server.wait_until_ready()
        client = Client(server)
        url = f"http://127.0.0.1:{receiver.server_port}/hook"
        secret = client.post("webhooks", url=url)["secret"]
        prediction = client.post("predictions", **CALL)
        wait_for(receiver, 1)

        os.kill(server.worker_pid(), signal.SIGKILL)

        # The next worker sends it, is refused, and sends it again some seconds later.
        wait_for(receiver, 3)
        (listed,) = client.get("webhooks/deliveries")["deliveries"]
        path = f"webhooks/deliveries/{listed['id']}"
        wait_until(
            lambda: client.get(path)["status"] == "delivered",
            what="the delivery is written down",
            seconds=SECONDS,
        )
        client.post(f"{path}/resend")
        wait_for(receiver, 4)

    assert {body for _, body in receiver.received} == {receiver.received[0][1]}
    for headers, body in receiver.received:
        assert headers["webhook-id"] == f"msg_{listed['id']}"
        content = Webhook(secret).verify(body, headers)
        assert content["type"] == "prediction.succeeded"
        assert content["data"]["id"] == prediction["id"]


def wait_for(receiver: Receiver, count: int) -> None:
    wait_until(
        lambda: len(receiver.received) >= count,
        what=f"the receiver has been called {count} times",
        seconds=SECONDS,
    )
