"""Programs that tests run, and waiting for them without guessing how long it takes."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# Seconds for what comes at once on a machine with nothing else to do. Whether it comes
# is tested, not when: only a test that fails waits so long.
PATIENCE = 60


def find_program(name: str, *, package: str) -> str:
    """The path of a program, or a skip that names the Debian package it comes with."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    path = os.pathsep.join([os.environ.get("PATH", ""), *map(str, versions)])
    program = shutil.which(name, path=path)
    if program is None:
        pytest.skip(f"needs {name}: install the Debian package {package}")
    return program


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Nothing that this process does can end meanwhile, however short it is."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def wait_until(condition: Callable[[], bool], *, what: str, seconds: float) -> None:
    """Ask `condition` until it holds; fail the test when `seconds` have passed."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"after {seconds:g} s still waiting until {what}")
        time.sleep(0.05)
