from __future__ import annotations

import numpy as np
import pytest
import torch

from training.batches import Batches

STREAM = np.arange(1000, dtype=np.uint16)


def make_batches(seed: int = 0) -> Batches:
    return Batches(STREAM, batch_tokens=64, max_positions=64, seed=seed)


def test_targets_are_the_tokens_that_follow() -> None:
    batch = make_batches().at(3, 16)
    assert batch.token_ids.shape == batch.targets.shape == (4, 16)
    assert torch.equal(batch.targets, batch.token_ids + 1)


def test_a_batch_depends_on_its_step_alone() -> None:
    forward, backward = make_batches(), make_batches()
    wanted = [forward.at(step, 16).token_ids for step in range(40)]
    for step in reversed(range(40)):
        assert torch.equal(backward.at(step, 16).token_ids, wanted[step])


def test_another_seed_gives_another_order() -> None:
    first, second = make_batches(0).at(0, 16), make_batches(1).at(0, 16)
    assert not torch.equal(first.token_ids, second.token_ids)


def test_an_epoch_repeats_nothing() -> None:
    # 999 tokens to predict hold 62 whole windows; one is given up for the shift.
    starts = [make_batches()._start(window, 16) for window in range(61)]
    assert len(set(starts)) == 61
    assert len({start % 16 for start in starts}) == 1
    assert max(starts) + 17 <= len(STREAM)


@pytest.mark.parametrize("length", [16, 64])
def test_positions_stay_inside_the_context(length: int) -> None:
    batches = make_batches()
    first = torch.cat([batches.at(step, length).first_positions for step in range(50)])
    assert first.min() == 0
    assert first.max() <= 64 - length


def test_late_positions_get_their_turn() -> None:
    batches = make_batches()
    first = torch.cat([batches.at(step, 16).first_positions for step in range(100)])
    assert first.max() == 48
    assert (first == 0).float().mean() >= 0.5
