"""Whether web processes may run beside each other on one data folder or database.

Requests a minute are counted in memory unless Redis counts them. A second process would
count anew, and the limit would be twice what it says.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any

from django.db import connection

# Any number that nothing else locks in Neuro's database.
DATABASE_KEY = int.from_bytes(b"neuroweb")
# What the database needs to notice that a process was killed, and more.
PATIENCE = "3s"


class NotAloneError(Exception):
    """Another web process runs here, and one of the two does not share its counts."""

    def __init__(self, shared: str) -> None:
        super().__init__(
            f"Neuro does not start: another web process serves this {shared}, and "
            "without REDIS_URL each would count requests a minute for itself. "
            "Stop that one, or set REDIS_URL for both."
        )


def hold_web_lock(folder: Path, *, shares_counts: bool) -> int:
    """Claim the folder, alone unless `shares_counts`; the descriptor to keep open.

    The claim ends with the process, however that ends. Raises `NotAloneError`.
    """
    descriptor = os.open(folder / "web.lock", os.O_RDWR | os.O_CREAT, 0o600)
    kind = fcntl.LOCK_SH if shares_counts else fcntl.LOCK_EX
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise NotAloneError("data folder") from None
    return descriptor


def hold_database_lock(*, shares_counts: bool) -> Any:
    """Claim the database for those with other data folders; the connection to keep.

    Nothing for SQLite, which lies in the folder. The lock is of a transaction that stays
    open: a connection pool between the two keeps it as long as this process does. It
    reads and writes nothing, so nothing has to wait for its end.
    """
    if connection.vendor != "postgresql":
        return None
    # Only who has a PostgreSQL needs its driver.
    import psycopg  # noqa: PLC0415

    kind = "_shared" if shares_counts else ""
    held = psycopg.connect(**connection.get_connection_params())
    held.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    held.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
    try:
        held.execute(f"SELECT pg_advisory_xact_lock{kind}(%s)", [DATABASE_KEY])
    except psycopg.errors.LockNotAvailable:
        held.close()
        raise NotAloneError("database") from None
    return held
