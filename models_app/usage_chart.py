"""Bars drawn by the server: a chart that needs no script and prints."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.formats import date_format

HEIGHT = 100.0
PITCH = 10


@dataclass(frozen=True, slots=True)
class Bar:
    """Measures are in the units of the drawing, of which a day is `PITCH` wide."""

    x: int
    y: float
    height: float
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    label: str
    bars: Sequence[Bar]
    highest: int
    start: datetime.date
    end: datetime.date

    @property
    def width(self) -> int:
        return PITCH * len(self.bars)


def chart_of(label: str, days: Sequence[datetime.date], values: Sequence[int]) -> Chart:
    highest = max(values)
    bars = []
    for number, (day, value) in enumerate(zip(days, values, strict=True)):
        height = round(HEIGHT * value / highest, 2) if highest else 0.0
        # However little it is, it can be seen.
        height = max(height, 1.0) if value else 0.0
        title = f"{date_format(day, 'j M Y')}: {intcomma(value)} {label.lower()}"
        bars.append(Bar(PITCH * number, HEIGHT - height, height, title))
    return Chart(label=label, bars=bars, highest=highest, start=days[0], end=days[-1])
