"""Django's SQLite, whose writers in this process wait in a queue.

SQLite lets one writer in at a time, and has the others look again after longer and
longer pauses. Threads that a lock wakes start the moment that the one before is done.
Other processes are waited for as ever.
"""

from __future__ import annotations

import functools
import threading
from typing import Any

from django.db.backends.sqlite3 import base

turn = threading.Lock()


class _Cursor(base.SQLiteCursorWrapper):
    """Spells a statement's places as SQLite does once, not whenever it is used."""

    def convert_query(self, query: str, *, param_names: Any = None) -> str:
        if param_names is not None:
            return super().convert_query(query, param_names=param_names)  # type: ignore[misc, no-any-return]
        return _with_question_marks(query)


@functools.lru_cache(maxsize=128)
def _with_question_marks(query: str) -> str:
    spelt: str = base.FORMAT_QMARK_REGEX.sub("?", query)
    return spelt.replace("%%", "%")


class DatabaseWrapper(base.DatabaseWrapper):
    _has_turn = False

    def create_cursor(self, name: Any = None) -> _Cursor:
        cursor: _Cursor = self.connection.cursor(factory=_Cursor)
        return cursor

    def _start_transaction_under_autocommit(self) -> None:
        # Whoever never gets it is told by SQLite that the database is locked.
        self._has_turn = turn.acquire(
            timeout=self.settings_dict["OPTIONS"].get("timeout", 5)
        )
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self._pass_turn()
            raise

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]
        self._pass_turn()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._pass_turn()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._pass_turn()

    def _pass_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            turn.release()
