from __future__ import annotations

from inference.kv_tensors import BLOCK_LENGTH, KVTensors

NUM_SLOTS = 16


def make_tensors() -> KVTensors:
    tensors = KVTensors(
        num_layers=1,
        num_slots=NUM_SLOTS,
        num_heads=2,
        context_length=2 * BLOCK_LENGTH,
        head_dim=8,
    )
    tensors.keys.fill_(1)
    tensors.values.fill_(1)
    return tensors


def touched(tensors: KVTensors) -> set[tuple[int, int]]:
    """Slots and blocks in which something was written."""
    keys = (tensors.keys == 0).any(dim=-1).any(dim=-1)
    return {(slot, block) for _, slot, _, block in keys.nonzero().tolist()}


def test_it_prepares_a_slots_next_block_once_while_the_one_before_fills() -> None:
    for slot in range(NUM_SLOTS):
        tensors = make_tensors()
        positions: list[int] = []
        for position in range(BLOCK_LENGTH):
            tensors.prepare(slot, position)
            if touched(tensors) and not positions:
                positions.append(position)
        assert touched(tensors) == {(slot, 1)}
        assert positions[0] >= BLOCK_LENGTH // 2


def test_it_prepares_no_two_slots_at_the_same_position() -> None:
    for position in range(BLOCK_LENGTH):
        tensors = make_tensors()
        for slot in range(NUM_SLOTS):
            tensors.prepare(slot, position)
        assert len(touched(tensors)) <= 1


def test_it_prepares_nothing_beyond_the_last_block() -> None:
    tensors = make_tensors()
    for slot in range(NUM_SLOTS):
        for position in range(BLOCK_LENGTH, 2 * BLOCK_LENGTH):
            tensors.prepare(slot, position)
    assert not touched(tensors)
