"""A web process that dies between reserving and settling takes nothing with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from e2e import sse
from e2e.live_server import ROOT, LiveServer, start_live_server
from e2e.programs import PATIENCE, wait_until

PREDICT = "/api/v1/models/neo-tiny/predict"
LONG, SHORT = 900, 300
TOKENS_PER_DAY = 1000
# The clock goes on by more than a reservation lives without its process.
LATER = """
from datetime import timedelta
from accounts.models import Reservation
from accounts.leases import LEASE
from models_app.models import PredictionRecord
for one in Reservation.objects.all():
    one.expires_at -= LEASE
    one.created_at -= LEASE
    one.save()
for one in PredictionRecord.objects.all():
    one.created_at -= LEASE
    one.save()
"""
NEWEST = """
from models_app.models import PredictionRecord
record = PredictionRecord.objects.order_by("pk").last()
print(record.status, record.error_code, record.charged_tokens)
"""


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_it_gives_back_what_a_killed_web_process_had_reserved(
    database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    settings = {}
    if database == "postgresql":
        settings["DATABASE_URL"] = request.getfixturevalue("postgresql_url")
    with start_live_server(tmp_path, **settings) as first:
        first.wait_until_ready()
        headers = headers_of_restricted_api_token(first)
        kill_while_it_streams(first, headers)

    with start_live_server(tmp_path, **settings) as second:
        second.wait_until_ready()
        held = own_limits(second, headers)
        assert held["concurrent_requests"]["used"] == 1
        assert held["tokens_per_day"]["used"] > LONG
        assert predict(second, headers).status_code == httpx.codes.TOO_MANY_REQUESTS

        let_a_lease_pass(second)
        held = own_limits(second, headers)
        assert held["concurrent_requests"]["used"] == 0
        assert held["tokens_per_day"]["used"] == 0

        done = predict(second, headers)
        assert done.status_code == httpx.codes.OK, done.text
        left = own_limits(second, headers)
        assert left["concurrent_requests"]["used"] == 0
        charged = done.json()["charged_tokens"]
        assert left["tokens_per_day"]["used"] == charged
        assert account_limits(second, headers)["tokens_per_day"]["used"] == charged


def kill_while_it_streams(server: LiveServer, headers: dict[str, str]) -> None:
    with httpx.stream(
        "POST",
        server.url(PREDICT),
        json=body_of(LONG) | {"stream": True},
        headers=headers,
        timeout=60,
    ) as response:
        events = sse.events(response.iter_lines())
        assert next(events).name == "started"
        assert next(events).name == "delta"
        assert server.stop(signal.SIGKILL) == -signal.SIGKILL


def let_a_lease_pass(server: LiveServer) -> None:
    server.manage("shell", "-v", "0", "-c", LATER)
    # A worker that starts looks at once, and each minute from then on.
    os.kill(server.worker_pid(), signal.SIGKILL)
    wait_until(
        lambda: newest(server) == "failed interrupted 0",
        what="the row of the killed process is closed",
        seconds=60,
    )


def newest(server: LiveServer) -> str:
    return server.manage("shell", "-v", "0", "-c", NEWEST)


def headers_of_restricted_api_token(server: LiveServer) -> dict[str, str]:
    """One call at once, and tokens a day for the long call or the short, not both."""
    limits = ("concurrent_requests=1", f"tokens_per_day={TOKENS_PER_DAY}")
    options = [f"--limit={limit}" for limit in limits]
    return server.create_account("restricted", "premium", *options).headers


def body_of(new_tokens: int) -> dict[str, Any]:
    parameters = {"max_new_tokens": new_tokens, "do_sample": False}
    return {"inputs": "It was", "parameters": parameters}


def predict(server: LiveServer, headers: dict[str, str]) -> httpx.Response:
    return httpx.post(
        server.url(PREDICT), json=body_of(SHORT), headers=headers, timeout=60
    )


def limits(server: LiveServer, headers: dict[str, str], of: str) -> dict[str, Any]:
    me = httpx.get(server.url("/api/v1/me"), headers=headers, timeout=PATIENCE).json()
    return {limit["name"]: limit for limit in me[of]}


def own_limits(server: LiveServer, headers: dict[str, str]) -> dict[str, Any]:
    return limits(server, headers, "api_token_limits")


def account_limits(server: LiveServer, headers: dict[str, str]) -> dict[str, Any]:
    return limits(server, headers, "limits")


def test_it_starts_no_second_web_process_that_would_count_for_itself(
    server: LiveServer,
) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "neuro_site"],
        cwd=ROOT,
        env=server.environment,
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )

    assert second.returncode == 3
    assert "set REDIS_URL for both" in second.stderr + second.stdout
    assert "Traceback" not in second.stderr
    assert server.is_ready()
