"""The published npu client, in an environment of its own, against a live server."""

from __future__ import annotations

import fcntl
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from e2e.live_server import ROOT, LiveServer

# The client imports pkg_resources, which newer setuptools no longer bring.
REQUIREMENTS = ("setuptools<81", "npu==0.3.900")
ENVIRONMENT = ROOT / ".cache" / "npu-0.3.900"
LOCK = ENVIRONMENT.with_name("npu.lock")
_COLOUR = re.compile(r"\x1b\[[\d;]*m")


@dataclass(frozen=True, slots=True)
class Ran:
    returncode: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[str]:
        return self.stdout.splitlines()


def install() -> Path:
    """The Python of the client's environment, made the first time it is asked for, by
    whichever process of the tests comes first."""
    installed = ENVIRONMENT / ".installed"
    python = ENVIRONMENT / "bin" / "python"
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not installed.exists():
            _run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)])
            _run([str(python), "-m", "pip", "install", "--quiet", *REQUIREMENTS])
            installed.touch()
    return python


def run_script(
    python: Path, server: LiveServer, script: str, *, api_token: str = ""
) -> Ran:
    """Run a script with nothing but `BASE_URL` to tell it where Neuro is, and an API
    token that `npu.api()` finds."""
    completed = subprocess.run(
        [str(python), "-c", script],
        env=environment_of(server, api_token),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Ran(
        completed.returncode, _COLOUR.sub("", completed.stdout), completed.stderr
    )


def environment_of(server: LiveServer, api_token: str) -> dict[str, str]:
    return {
        "BASE_URL": server.address,
        "NPU_API_TOKEN": api_token,
        "PATH": "/usr/bin:/bin",
    }


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, timeout=280)
