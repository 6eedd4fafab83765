"""The kinds of parameters: what each takes, and how error messages say it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from models_app.parameters.parameter import Parameter

KindName = Literal["integer", "number", "boolean", "strings"]
Value = int | float | bool | tuple[str, ...] | None

MAX_TEXT_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Kind:
    """`read` gives the value of what a caller sent, or None for what is not allowed."""

    read: Callable[[object, Parameter], Value]
    allowed: Callable[[Parameter], str]


def _integer(raw: object, parameter: Parameter) -> int | None:
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)
    if isinstance(raw, bool) or not isinstance(raw, int):
        return None
    return raw if parameter.includes(raw) else None


def _number(raw: object, parameter: Parameter) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    return float(raw) if parameter.includes(raw) else None


def _boolean(raw: object, parameter: Parameter) -> bool | None:
    return raw if isinstance(raw, bool) else None


def _strings(raw: object, parameter: Parameter) -> tuple[str, ...] | None:
    texts = [raw] if isinstance(raw, str) else raw
    if not isinstance(texts, list | tuple) or len(texts) > parameter.max_items:
        return None
    if all(isinstance(text, str) and _is_sane_length(text) for text in texts):
        return tuple(texts)
    return None


def _is_sane_length(text: str) -> bool:
    return 1 <= len(text) <= MAX_TEXT_CHARACTERS


def _range(noun: str) -> Callable[[Parameter], str]:
    def allowed(parameter: Parameter) -> str:
        lower = "above" if parameter.excludes_minimum else "from"
        joint = "and at most" if parameter.excludes_minimum else "to"
        return f"{noun} {lower} {parameter.minimum:,} {joint} {parameter.maximum:,}"

    return allowed


def _texts_allowed(parameter: Parameter) -> str:
    return (
        f"a text or a list of up to {parameter.max_items} texts, "
        f"each of 1 to {MAX_TEXT_CHARACTERS} characters"
    )


KINDS: dict[KindName, Kind] = {
    "integer": Kind(_integer, _range("a whole number")),
    "number": Kind(_number, _range("a number")),
    "boolean": Kind(_boolean, lambda _: "true or false"),
    "strings": Kind(_strings, _texts_allowed),
}
