"""What the dialects of other services have in common: their names for parameters of
ours, and parameters that this server does not have."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass

from models_app.errors import InvalidParameter, UnsupportedParameter
from models_app.parameters.table import PARAMETERS_BY_NAME

# The values that ask for nothing; None for whatever it is.
Neutral = tuple[object, ...] | None
ANYTHING: Neutral = None


@dataclass(frozen=True, slots=True)
class Foreign:
    """A parameter that may be left out where it has a neutral value, and else cannot be
    honoured, for this reason."""

    neutral: Neutral
    reason: str = ""

    def is_neutral(self, value: object) -> bool:
        return self.neutral is None or any(_is(value, one) for one in self.neutral)


def one_of(*values: object) -> Neutral:
    return values


def _is(value: object, other: object) -> bool:
    """To Python 1 equals true, to JSON it does not."""
    return value == other and isinstance(value, bool) == isinstance(other, bool)


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
        own_name = aliases.get(name, name)
        if name in but or (value is None and own_name in PARAMETERS_BY_NAME):
            continue
        if own_name in given:
            raise InvalidParameter(
                f"{own_name} is given twice, under two of its names.", param=name
            )
        given[own_name] = value
    return given
