from __future__ import annotations

import os
from pathlib import Path

import dj_database_url
import pytest
from django.db.utils import ConnectionHandler

from neuro_site import web_lock
from neuro_site.web_lock import NotAloneError, hold_database_lock, hold_web_lock


@pytest.fixture
def postgresql(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database of this process's settings, though no test writes to it."""
    made = ConnectionHandler({"default": dj_database_url.parse(postgresql_url)})
    monkeypatch.setattr(web_lock, "connection", made["default"])
    monkeypatch.setattr(web_lock, "PATIENCE", "50ms")


@pytest.mark.parametrize(
    ("first", "second"), [(False, False), (True, False), (False, True)]
)
def test_it_lets_nobody_in_beside_who_counts_alone(
    tmp_path: Path, *, first: bool, second: bool
) -> None:
    held = hold_web_lock(tmp_path, shares_counts=first)

    with pytest.raises(NotAloneError, match="REDIS_URL"):
        hold_web_lock(tmp_path, shares_counts=second)

    os.close(held)
    os.close(hold_web_lock(tmp_path, shares_counts=second))


def test_it_lets_as_many_in_as_share_their_counts(tmp_path: Path) -> None:
    for held in [hold_web_lock(tmp_path, shares_counts=True) for _ in range(3)]:
        os.close(held)


@pytest.mark.parametrize(
    ("first", "second"), [(False, False), (True, False), (False, True)]
)
def test_it_lets_nobody_in_on_the_same_postgresql(
    postgresql: None, *, first: bool, second: bool
) -> None:
    held = hold_database_lock(shares_counts=first)

    with pytest.raises(NotAloneError, match="serves this database"):
        hold_database_lock(shares_counts=second)

    held.close()
    hold_database_lock(shares_counts=second).close()


def test_it_lets_as_many_in_on_postgresql_as_share_their_counts(
    postgresql: None,
) -> None:
    for held in [hold_database_lock(shares_counts=True) for _ in range(3)]:
        held.close()


def test_it_locks_no_database_that_lies_in_the_folder() -> None:
    assert hold_database_lock(shares_counts=False) is None
