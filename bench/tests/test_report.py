from __future__ import annotations

import pytest

from bench.report import table
from bench.samples import Samples
from bench.targets import Target, difference, ratio


@pytest.fixture
def samples() -> Samples:
    samples = Samples()
    for slow, fast, best in ((10, 30, 20), (20, 50, 100), (10, 20, 40)):
        samples.add("slow.a", {"rate": slow})
        samples.add("fast.a", {"rate": fast})
        samples.add("fast.b", {"rate": best})
    return samples


def test_it_takes_the_median_of_the_rounds_ratios(samples: Samples) -> None:
    assert ratio("fast.a.rate", "slow.a.rate")(samples) == 2.5


def test_it_takes_the_best_of_a_pattern(samples: Samples) -> None:
    assert ratio("fast.*.rate", "slow.a.rate")(samples) == 4
    assert difference("fast.*.rate", "slow.*.rate")(samples) == 30


def test_it_leaves_out_what_was_not_measured(samples: Samples) -> None:
    assert ratio("fast.a.rate", "nobody.rate")(samples) is None


def test_it_judges_by_the_bound_of_the_target(samples: Samples) -> None:
    measure = ratio("fast.a.rate", "slow.a.rate")

    assert Target(name="", measure=measure, at_least=2.5).is_met_by(2.5)
    assert not Target(name="", measure=measure, at_least=2.5).is_met_by(2.4)
    assert Target(name="", measure=measure, at_most=3).is_met_by(3)
    assert not Target(name="", measure=measure, at_most=3).is_met_by(3.1)


def test_it_lines_up_tables_as_text_and_as_markdown() -> None:
    assert table(("name", "rate"), [("a", "10"), ("longer", "2")]) == (
        "| name   | rate |\n| ------ | ---: |\n| a      |   10 |\n| longer |    2 |"
    )
