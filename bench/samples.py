"""What was measured: one number for each name and round."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable
from fnmatch import fnmatchcase

from bench.protocol import Figures


class Samples:
    """Names are `peer.subject.figure`."""

    def __init__(self) -> None:
        self._numbers: dict[str, list[float]] = defaultdict(list)

    def add(self, prefix: str, figures: Figures) -> None:
        for name, number in figures.items():
            self._numbers[f"{prefix}.{name}"].append(number)

    def numbers(self, name: str) -> list[float]:
        return self._numbers.get(name, [])

    def median(self, name: str) -> float | None:
        numbers = self.numbers(name)
        return statistics.median(numbers) if numbers else None

    def medians(self) -> dict[str, float]:
        return {name: statistics.median(self._numbers[name]) for name in self._numbers}

    def best(self, pattern: str) -> str:
        """The name with the largest median among those that the pattern covers; the
        pattern itself if it covers none."""
        medians = self.medians()
        names = [name for name in medians if fnmatchcase(name, pattern)]
        return max(names, key=medians.__getitem__, default=pattern)

    def combine(
        self, combine: Callable[[float, float], float], one: str, other: str
    ) -> float | None:
        """The median over the rounds of two numbers combined, or nothing if one of
        them was not measured. Patterns stand for their best."""
        pairs = zip(
            self.numbers(self.best(one)), self.numbers(self.best(other)), strict=False
        )
        # A gap of nothing comes of a round too short to have one.
        combined = [combine(*pair) for pair in pairs if all(pair)]
        return statistics.median(combined) if combined else None
