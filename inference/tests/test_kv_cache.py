from __future__ import annotations

from inference.kv_cache import SlotPool


def test_it_hands_out_the_lowest_free_slot() -> None:
    slots = SlotPool(3)
    assert [slots.allocate() for _ in range(3)] == [0, 1, 2]

    slots.release(2)
    slots.release(0)

    assert slots.allocate() == 0


def test_it_counts_free_and_used_slots() -> None:
    slots = SlotPool(3)
    slots.allocate()

    assert (slots.num_free, slots.num_used) == (2, 1)
