from __future__ import annotations

import pytest

from training.schedule import Schedule


def make_schedule(steps: int = 100) -> Schedule:
    return Schedule(
        steps=steps,
        warmup_steps=10,
        decay_steps=20,
        long_steps=5,
        short_length=256,
        long_length=1024,
    )


def test_it_warms_up_stays_and_decays() -> None:
    shares = [make_schedule().learning_rate_share(step) for step in range(100)]
    assert shares[0] == pytest.approx(0.1)
    assert shares[9:80] == [1.0] * 71
    assert shares[90] == pytest.approx(0.5)
    assert shares[99] == pytest.approx(0.05)


def test_the_end_may_be_moved_before_the_decay() -> None:
    short, long = make_schedule(100), make_schedule(1000)
    for step in range(80):
        assert short.learning_rate_share(step) == long.learning_rate_share(step)
        assert short.length(step) == long.length(step)


def test_the_last_steps_use_the_whole_context() -> None:
    schedule = make_schedule()
    assert [schedule.length(step) for step in (0, 94, 95, 99)] == [256, 256, 1024, 1024]


def test_it_refuses_a_decay_longer_than_the_run() -> None:
    with pytest.raises(ValueError, match="decay_steps"):
        make_schedule(steps=10)
