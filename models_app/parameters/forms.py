"""Generation parameters as the fields of an HTML form."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from models_app.parameters.kinds import KindName
from models_app.parameters.table import PARAMETERS


def from_form(data: Mapping[str, str]) -> dict[str, object]:
    """The parameters of a submitted HTML form, ready for `parse`.

    An empty field is left out, an unticked box is false, stop sequences stand one a
    line. What does not read as a number stays text, for `parse` to refuse by name.
    """
    raw: dict[str, object] = {}
    for parameter in PARAMETERS:
        text = data.get(parameter.name, "")
        if parameter.kind == "boolean":
            raw[parameter.name] = text in ("on", "true")
        elif text.strip():
            raw[parameter.name] = _READERS[parameter.kind](text)
    return raw


def _read_number(text: str) -> object:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def _read_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


_READERS: dict[KindName, Callable[[str], object]] = {
    "integer": _read_number,
    "number": _read_number,
    "strings": _read_lines,
}
