"""Django's SQLite, whose writers in this process wait in a queue.

SQLite lets one writer in at a time, and has the others look again after longer and
longer pauses. Threads that a lock wakes start the moment that the one before is done.
Other processes are waited for as ever.
"""

from __future__ import annotations

import threading

from django.db.backends.sqlite3 import base

turn = threading.Lock()


class DatabaseWrapper(base.DatabaseWrapper):
    _has_turn = False

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
