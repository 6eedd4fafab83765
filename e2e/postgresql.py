"""A PostgreSQL cluster of one's own, for as long as it is needed."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from e2e.programs import PATIENCE, find_program

START_SECONDS = 2 * PATIENCE


@contextmanager
def temporary_postgresql(folder: Path) -> Iterator[str]:
    """`DATABASE_URL` of a cluster made in `folder`, which anybody must be able to enter
    and whose path must be short enough for a Unix socket."""
    initdb = find_program("initdb", package="postgresql")
    pg_ctl = find_program("pg_ctl", package="postgresql")
    data = folder / "postgresql"
    _hand_over(data)
    _run_unprivileged(
        [initdb, "-D", str(data), "-U", "neuro", "-A", "trust", "-E", "UTF8", "-N"]
    )
    options = f"-c listen_addresses='' -c fsync=off -k {data}"
    log = str(data / "server.log")
    _run_unprivileged(
        [pg_ctl, "-D", str(data), "-l", log, "-o", options, "-w", "start"]
    )
    try:
        yield f"postgres://neuro@{quote(str(data), safe='')}/postgres"
    finally:
        _run_unprivileged([pg_ctl, "-D", str(data), "-m", "immediate", "stop"])


def _unprivileged() -> str | None:
    """PostgreSQL refuses to run as root."""
    return "nobody" if os.geteuid() == 0 else None


def _hand_over(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    if user := _unprivileged():
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)


def _run_unprivileged(command: list[str]) -> None:
    subprocess.run(
        command,
        check=True,
        user=_unprivileged(),
        cwd="/",
        stdout=subprocess.DEVNULL,
        timeout=START_SECONDS,
    )
