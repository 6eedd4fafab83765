"""How much a database does for a question, counted: no clock tells it reliably."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection, transaction

# Rows that this transaction has read, from the tables or through an index.
_ROWS_READ = "SELECT SUM(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables"


def effort_of(work: Callable[[], object]) -> int:
    """Instructions of SQLite's machine, or rows that PostgreSQL looked at. What `work`
    changes is undone."""
    count = _steps_of if connection.vendor == "sqlite" else _rows_of
    undone = transaction.atomic()
    with undone:
        effort = count(work)
        transaction.set_rollback(True)
    return effort


def _steps_of(work: Callable[[], object]) -> int:
    steps = 0

    def note() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection.ensure_connection()
    connection.connection.set_progress_handler(note, 1)
    try:
        work()
    finally:
        connection.connection.set_progress_handler(None, 0)
    return steps


def _rows_of(work: Callable[[], object]) -> int:
    before = _rows_read()
    work()
    return _rows_read() - before


def _rows_read() -> int:
    with connection.cursor() as cursor:
        cursor.execute(_ROWS_READ)
        (rows,) = cursor.fetchone()
    return int(rows)
