from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

from e2e.programs import wait_until
from neuro_site.migrating import alone

SECONDS = 30


def somebody_waits_for(path: Path) -> bool:
    """As the kernel tells it, which names files by their number."""
    number = f":{path.stat().st_ino} "
    locks = Path("/proc/locks").read_text().splitlines()
    return any("->" in line and number in line for line in locks)


def test_it_waits_until_nobody_else_changes_the_data_folders_database(
    tmp_path: Path,
) -> None:
    entered: list[str] = []

    def enter_second() -> None:
        with alone(tmp_path):
            entered.append("second")

    second = threading.Thread(target=enter_second)
    with alone(tmp_path):
        second.start()
        lock = tmp_path / "migrate.lock"
        wait_until(
            lambda: somebody_waits_for(lock), what="another waits", seconds=SECONDS
        )
        entered.append("first")
    second.join()

    assert entered == ["first", "second"]


def test_it_leaves_nothing_locked_after_a_failure(tmp_path: Path) -> None:
    try:
        with alone(tmp_path):
            raise InterruptedError
    except InterruptedError:
        pass

    descriptor = os.open(tmp_path / "migrate.lock", os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(descriptor)
