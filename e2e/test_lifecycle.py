"""Starting, stopping and surviving: processes, seen from the outside."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from e2e.live_server import ROOT, LiveServer, environment_of, start_from_nothing
from e2e.programs import PATIENCE, wait_until


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[LiveServer]:
    with start_from_nothing(tmp_path) as live_server:
        yield live_server


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_is_unhealthy_until_the_engine_serves(own_server: LiveServer) -> None:
    first = own_server.health()
    assert first.status_code in {httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.OK}

    own_server.wait_until_ready()

    health = own_server.health().json()
    assert health["models"]["neo-tiny"]["state"] == "ready"


@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_both_processes(
    own_server: LiveServer, stop_signal: signal.Signals
) -> None:
    own_server.wait_until_ready()
    engine = own_server.engine_pid()

    assert own_server.stop(stop_signal) == 0

    wait_until(
        lambda: not is_alive(engine), what="the engine is gone", seconds=PATIENCE
    )


def test_it_starts_the_engine_again_when_it_dies(own_server: LiveServer) -> None:
    own_server.wait_until_ready()

    os.kill(own_server.engine_pid(), signal.SIGKILL)

    wait_until(
        lambda: not own_server.is_ready(), what="health is 503", seconds=PATIENCE
    )
    own_server.wait_until_ready()


def start_in_vain(data_dir: Path, **overrides: str) -> str:
    """What a start that must fail says; it says it without a traceback."""
    completed = subprocess.run(
        [sys.executable, "-m", "neuro_site"],
        cwd=ROOT,
        env=environment_of(data_dir, **overrides),
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )
    assert completed.returncode == 1
    assert "Traceback" not in completed.stderr
    return completed.stderr


def test_it_says_which_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert f"port {port}" in start_in_vain(tmp_path, PORT=str(port))


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "eighty"), ("NEURO_PRECISION", "int4")]
)
def test_it_says_which_setting_makes_no_sense(
    tmp_path: Path, name: str, value: str
) -> None:
    assert f"{name} is '{value}'" in start_in_vain(tmp_path, **{name: value})
