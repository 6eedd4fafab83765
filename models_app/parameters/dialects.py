"""What the dialects of other services have in common: their names for parameters of
ours, and parameters that this server does not have."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass

from models_app.errors import InvalidParameter, UnsupportedParameter

Test = Callable[[object], bool]


@dataclass(frozen=True, slots=True)
class Foreign:
    """A parameter that may be left out where `is_neutral` holds, and else cannot be
    honoured, for this reason."""

    is_neutral: Test
    reason: str = ""


def anything(value: object) -> bool:
    return True


def one_of(*values: object) -> Test:
    return lambda value: value in values


def require_neutral(
    raw: Mapping[str, object], foreign: Mapping[str, Foreign], *, hint: str
) -> None:
    """Refuse the first value that asks for what this server does not have."""
    for name, value in raw.items():
        one = foreign.get(name)
        if one and value is not None and not one.is_neutral(value):
            raise UnsupportedParameter(
                f"{name} is not supported. {one.reason}".strip(), hint=hint, param=name
            )


def under_own_names(
    raw: Mapping[str, object], aliases: Mapping[str, str], *, but: Container[str]
) -> dict[str, object]:
    """What was given, but for some of the names, by our names. `None` means the default,
    as if it were left out."""
    given: dict[str, object] = {}
    for name, value in raw.items():
        if value is None or name in but:
            continue
        own_name = aliases.get(name, name)
        if own_name in given:
            raise InvalidParameter(
                f"{own_name} is given twice, under two of its names.", param=name
            )
        given[own_name] = value
    return given
