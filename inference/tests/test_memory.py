"""What settles stays out of the collector's way, and yet is freed when it is garbage."""

from __future__ import annotations

import gc
import weakref

from inference.memory import settle


class Loop:
    """Refers to itself, so that only the collector can free it."""

    def __init__(self) -> None:
        self.itself = self


def test_it_lets_the_collector_pass_over_what_is_there() -> None:
    loop = Loop()
    settle()

    assert gc.get_freeze_count() > 0
    assert all(one is not loop for one in gc.get_objects())


def test_it_frees_what_has_become_garbage_since() -> None:
    loop = Loop()
    settle()
    reference = weakref.ref(loop)
    del loop

    settle()

    assert reference() is None
