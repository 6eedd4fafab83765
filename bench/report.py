"""The tables that people read and the line that programs read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from bench.samples import Samples
from bench.targets import TARGETS, Target

Row = Sequence[str]


def render(samples: Samples, *, about: Mapping[str, object]) -> str:
    """Everything, the JSON on the last line."""
    medians = samples.medians()
    judged = [(target, target.measure(samples)) for target in TARGETS]
    parts = [
        ", ".join(f"{name}: {fact}" for name, fact in about.items()),
        table(("tokens a second", *_streams(medians)), _rates(medians)),
        table(("other figures", "median"), _others(medians)),
        table(
            ("target", "wanted", "measured", ""), (_judgement(*one) for one in judged)
        ),
        _json(medians, judged, about),
    ]
    return "\n\n".join(parts)


def table(head: Row, rows: Iterable[Row]) -> str:
    """A Markdown table whose columns also line up as plain text."""
    lines = [list(head), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = [
        [line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]
        for line in lines
    ]
    padded.insert(1, ["-" * widths[0], *(f"{'-' * (w - 1)}:" for w in widths[1:])])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in padded)


def _streams(medians: Mapping[str, float]) -> list[str]:
    numbers = {_split(name)[1] for name in medians if _is_rate(name)}
    ordered = sorted(numbers, key=lambda subject: int(subject.removeprefix("streams")))
    return [subject.removeprefix("streams") for subject in ordered]


def _rates(medians: Mapping[str, float]) -> list[Row]:
    """One line for each peer: tokens a second at each number of streams."""
    columns = _streams(medians)
    peers = dict.fromkeys(_split(name)[0] for name in medians if _is_rate(name))
    return [
        [
            peer.replace(".", " "),
            *(
                _number(medians.get(f"{peer}.streams{column}.tokens_per_second"))
                for column in columns
            ),
        ]
        for peer in peers
    ]


def _others(medians: Mapping[str, float]) -> list[Row]:
    return [
        (name.replace(".", " ").replace("_", " "), _number(number))
        for name, number in medians.items()
        if not _is_rate(name)
    ]


def _judgement(target: Target, measured: float | None) -> Row:
    if measured is None:
        return target.name, target.wanted, "", "not measured"
    verdict = "met" if target.is_met_by(measured) else "missed"
    return target.name, target.wanted, f"{measured:.2f} {target.unit}", verdict


def _json(
    medians: Mapping[str, float],
    judged: Iterable[tuple[Target, float | None]],
    about: Mapping[str, object],
) -> str:
    targets = [
        {
            "name": target.name,
            "wanted": target.wanted,
            "measured": measured,
            "met": None if measured is None else target.is_met_by(measured),
        }
        for target, measured in judged
    ]
    return json.dumps({"about": about, "figures": medians, "targets": targets})


def _is_rate(name: str) -> bool:
    _, subject, figure = _split(name)
    return subject.startswith("streams") and figure == "tokens_per_second"


def _split(name: str) -> tuple[str, str, str]:
    peer, subject, figure = name.rsplit(".", 2)
    return peer, subject, figure


def _number(number: float | None) -> str:
    if number is None:
        return ""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.2f}"
