"""Web processes that start at the same time on a database with nothing in it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pytest

from e2e.live_server import LiveServer, start_from_nothing
from e2e.programs import wait_until

# What `neuro_site.migrating` locks.
MIGRATING = int.from_bytes(b"neuro up")
WAITING = """
SELECT count(*) FROM pg_locks
WHERE locktype = 'advisory' AND NOT granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
TWICE = "SELECT app, name FROM django_migrations GROUP BY app, name HAVING count(*) > 1"
SECONDS = 60


@pytest.fixture
def empty_database_url(postgresql_url: str) -> Iterator[str]:
    with psycopg.connect(postgresql_url, autocommit=True) as cluster:
        cluster.execute("CREATE DATABASE starting_together")
        yield urlunsplit(urlsplit(postgresql_url)._replace(path="/starting_together"))
        cluster.execute("DROP DATABASE starting_together WITH (FORCE)")


def ask(database: psycopg.Connection, question: str) -> int:
    row = database.execute(question).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.slow
def test_one_makes_the_tables_and_the_other_waits(
    empty_database_url: str, redis_url: str, tmp_path: Path
) -> None:
    settings = {
        "DATABASE_URL": empty_database_url,
        "REDIS_URL": redis_url,
        "NEURO_EMBEDDED_WORKER": "false",
    }
    with (
        psycopg.connect(empty_database_url, autocommit=True) as database,
        ExitStack() as servers,
        ThreadPoolExecutor(2) as pool,
    ):

        def start() -> LiveServer:
            return servers.enter_context(start_from_nothing(tmp_path, **settings))

        with psycopg.connect(empty_database_url) as first:
            first.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATING])
            starting = [pool.submit(start) for _ in range(2)]
            wait_until(
                lambda: ask(database, WAITING) == 2, what="both wait", seconds=SECONDS
            )
            assert ask(database, TABLES) == 0

        for server in [started.result() for started in starting]:
            page = httpx.get(server.url("/models/neo-tiny"), timeout=30)
            assert page.status_code == httpx.codes.OK
        assert database.execute(TWICE).fetchall() == []
