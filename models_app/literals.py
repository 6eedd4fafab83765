"""Values as a person writes them into a program: what has several parts gets lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Notation:
    """How one language writes names, plain values and the end of a list of lines."""

    name: Callable[[str], str]
    plain: Callable[[object], str]
    indent: int
    last_comma: str
    padding: str = ""

    def write(self, value: object, *, column: int = 0) -> str:
        """`column` is where the line begins on which the value does."""
        if isinstance(value, Mapping):
            return self._mapping(value, column)
        if isinstance(value, list | tuple):
            return f"[{', '.join(self.write(one, column=column) for one in value)}]"
        return self.plain(value)

    def _mapping(self, value: Mapping[str, object], column: int) -> str:
        inner = column if len(value) < 2 else column + self.indent
        parts = [
            f"{self.name(name)}: {self.write(one, column=inner)}"
            for name, one in value.items()
        ]
        if len(parts) < 2:
            return f"{{{self.padding}{parts[0]}{self.padding}}}" if parts else "{}"
        margin, outer_margin = f"\n{' ' * inner}", f"\n{' ' * column}"
        lines = f",{margin}".join(parts)
        return f"{{{margin}{lines}{self.last_comma}{outer_margin}}}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _python(value: object) -> str:
    """A text of JSON is one of Python, too; true and false are not."""
    return _json(value) if isinstance(value, str) else repr(value)


def _bare_if_possible(name: str) -> str:
    return name if name.isidentifier() else _json(name)


PYTHON = Notation(name=_json, plain=_python, indent=4, last_comma=",")
JSON = Notation(name=_json, plain=_json, indent=2, last_comma="")
JAVASCRIPT = Notation(
    name=_bare_if_possible, plain=_json, indent=2, last_comma=",", padding=" "
)
