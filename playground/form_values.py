"""Values of parameters as the texts of a form's fields, and back.

What does not read as its kind stays text, for the schema to refuse by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from models_app.parameters import Parameter
from models_app.parameters.kinds import KindName

_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\"}
_CHOICES = {"true": True, "false": False}


def read(parameter: Parameter, text: str) -> object:
    return _READERS[parameter.kind](text)


def write(value: object) -> list[str]:
    """The value's lines, as its field or an address holds them."""
    if value is None:
        return []
    if isinstance(value, dict):
        return [f"{token_id}: {bias:g}" for token_id, bias in value.items()]
    if not isinstance(value, list | tuple):
        return [_one(value)]
    if value and all(isinstance(item, int) for item in value):
        return [_ids(value)]
    return [
        _ids(item) if isinstance(item, list | tuple) else _one(item) for item in value
    ]


def escape(text: str) -> str:
    """A text on one line, as the form shows it."""
    return text.replace("\\", r"\\").replace("\n", r"\n").replace("\t", r"\t")


def unescape(line: str) -> str:
    return re.sub(r"\\([nt\\])", lambda match: _ESCAPES[match[1]], line)


def _one(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return escape(str(value))


def _ids(token_ids: list[int] | tuple[int, ...]) -> str:
    return ", ".join(map(str, token_ids))


def _read_number(text: str) -> object:
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def _read_texts(text: str) -> list[str]:
    return [unescape(line) for line in _lines(text)]


def _read_ids(text: str) -> list[object]:
    return [_read_number(item) for item in re.split(r"[\s,]+", text.strip()) if item]


def _read_id_lists(text: str) -> list[list[object]]:
    return [_read_ids(line) for line in _lines(text)]


def _read_biases(text: str) -> object:
    pairs = [re.split(r"\s*[:=]\s*", line.strip()) for line in _lines(text)]
    if any(len(pair) != 2 for pair in pairs):
        return text
    return {token_id: _read_number(bias) for token_id, bias in pairs}


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


_READERS: dict[KindName, Callable[[str], object]] = {
    "integer": _read_number,
    "number": _read_number,
    "boolean": lambda text: text in ("on", "true"),
    "choice": lambda text: _CHOICES.get(text, text),
    "strings": _read_texts,
    "token_ids": _read_ids,
    "token_id_lists": _read_id_lists,
    "token_biases": _read_biases,
}
