from __future__ import annotations

import os
from pathlib import Path

import pytest

from neuro_site.web_lock import NotAloneError, hold_web_lock


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
