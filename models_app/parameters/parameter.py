"""One generation parameter: what it accepts, and the words that explain it to people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models_app.errors import InvalidParameter
from models_app.parameters.kinds import KINDS, KindName, Value

Group = Literal[
    "Length", "Sampling", "Words", "Stopping", "Sequences", "Beams", "Details"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    name: str
    kind: KindName
    label: str
    help_text: str
    group: Group
    default: Value = None
    minimum: float | None = None
    maximum: float | None = None
    excludes_minimum: bool = False
    step: float | None = None
    max_items: int = 0
    choices: tuple[bool | str, ...] = ()
    # Whether few callers want it; the playground's form folds it away.
    is_advanced: bool = False

    @property
    def allowed(self) -> str:
        """The accepted values in words, as error messages say them."""
        return KINDS[self.kind].allowed(self)

    def parse(self, raw: object) -> Value:
        """The value, or `InvalidParameter` saying what is allowed. None is the default."""
        if raw is None:
            return self.default
        value = KINDS[self.kind].read(raw, self)
        if value is None:
            raise InvalidParameter(
                f"{self.name} must be {self.allowed}, not {shown(raw)}.",
                param=self.name,
            )
        return value

    def includes(self, number: float) -> bool:
        """Whether the number is in range; NaN, which compares false, never is."""
        if self.excludes_minimum and number == self.minimum:
            return False
        return (self.minimum is None or number >= self.minimum) and (
            self.maximum is None or number <= self.maximum
        )


def shown(raw: object) -> str:
    """What a caller sent, short enough for a message."""
    text = repr(raw)
    return text if len(text) <= 60 else f"{text[:57]}..."
