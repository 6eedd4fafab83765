"""Bringing the database up to date where several processes start at the same time.

One does it, and the others wait until it is done and find nothing left to do.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection

# Any number that nothing else locks in Neuro's database.
DATABASE_KEY = int.from_bytes(b"neuro up")


def migrate() -> None:
    """Fills the catalogue too: `models_app.apps` does so after every migrate."""
    with alone(settings.DATA_DIR):
        call_command("migrate", verbosity=0)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait, however long it takes, until nobody else is inside with this database.

    SQLite lies in the folder. A claim ends with its process, however that ends.
    """
    if connection.vendor == "postgresql":
        with _alone_in_postgresql():
            yield
        return
    with (folder / "migrate.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _alone_in_postgresql() -> Iterator[None]:
    """The lock is of a transaction, which a connection pool in between leaves whole."""
    # Only who has a PostgreSQL needs its driver.
    import psycopg  # noqa: PLC0415

    with psycopg.connect(**connection.get_connection_params()) as held:
        for limit in ("idle_in_transaction_session", "lock", "statement"):
            held.execute(f"SET LOCAL {limit}_timeout = 0")
        held.execute("SELECT pg_advisory_xact_lock(%s)", [DATABASE_KEY])
        yield
