"""The generation parameters, declared once.

This schema validates every door's calls, drives the playground's form and documents
the API. Names and meaning are those of transformers' `generate`, and so are the
defaults of its text-generation pipeline for GPT-Neo: sampling is on, with top_k 50 and
the temperature of 0.9 that the checkpoint's own configuration asks for.
`do_sample=false` or `temperature=0` is greedy.
"""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

import msgspec

from models_app.errors import InvalidParameter

Kind = Literal["integer", "number", "boolean", "strings"]
Group = Literal["Length", "Sampling", "Stopping"]
Value = int | float | bool | tuple[str, ...] | None

MAX_STOP_SEQUENCES = 8
MAX_STOP_CHARACTERS = 200
# A drawn seed stays exact in every client, JavaScript's numbers included.
DRAWN_SEED_LIMIT = 2**32


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter: what it accepts, and the words that explain it to people."""

    name: str
    kind: Kind
    label: str
    help_text: str
    group: Group
    default: Value = None
    minimum: float | None = None
    maximum: float | None = None
    excludes_minimum: bool = False
    step: float | None = None

    @property
    def allowed(self) -> str:
        """The accepted values in words, as error messages say them."""
        if self.kind == "boolean":
            return "true or false"
        if self.kind == "strings":
            return (
                f"a text or a list of up to {MAX_STOP_SEQUENCES} texts, "
                f"each of 1 to {MAX_STOP_CHARACTERS} characters"
            )
        noun = "a whole number" if self.kind == "integer" else "a number"
        lower = "above" if self.excludes_minimum else "from"
        joint = "and at most" if self.excludes_minimum else "to"
        return f"{noun} {lower} {self.minimum:,} {joint} {self.maximum:,}"

    def parse(self, raw: object) -> Value:
        """The value, or `InvalidParameter` saying what is allowed. None is the default."""
        if raw is None:
            return self.default
        value = _PARSERS[self.kind](raw)
        if value is None or not self._is_in_range(value):
            raise InvalidParameter(
                f"{self.name} must be {self.allowed}, not {_shown(raw)}.",
                param=self.name,
            )
        return value

    def _is_in_range(self, value: Value) -> bool:
        if isinstance(value, tuple | bool) or value is None:
            return True
        if self.excludes_minimum and value == self.minimum:
            return False
        # Written so that NaN, which compares false with everything, is refused.
        return (self.minimum is None or value >= self.minimum) and (
            self.maximum is None or value <= self.maximum
        )


PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        name="max_new_tokens",
        kind="integer",
        label="Longest completion",
        help_text="How many tokens the completion may have.",
        group="Length",
        default=50,
        minimum=1,
        maximum=2048,
        step=1,
    ),
    Parameter(
        name="max_length",
        kind="integer",
        label="Longest text",
        help_text="How many tokens prompt and completion may have together. "
        "max_new_tokens, where given, takes its place.",
        group="Length",
        minimum=1,
        maximum=1_000_000,
        step=1,
    ),
    Parameter(
        name="do_sample",
        kind="boolean",
        label="Sample",
        help_text="Draw each token by its probability; off, always take the likeliest.",
        group="Sampling",
        default=True,
    ),
    Parameter(
        name="temperature",
        kind="number",
        label="Temperature",
        help_text="Lower is more predictable, higher more surprising; "
        "0 always takes the likeliest token.",
        group="Sampling",
        default=0.9,
        minimum=0,
        maximum=5,
        step=0.05,
    ),
    Parameter(
        name="top_k",
        kind="integer",
        label="Top k",
        help_text="Draw only from this many likeliest tokens; 0 draws from all.",
        group="Sampling",
        default=50,
        minimum=0,
        maximum=1000,
        step=1,
    ),
    Parameter(
        name="top_p",
        kind="number",
        label="Top p",
        help_text="Draw only from the likeliest tokens that together have this "
        "probability; 1 draws from all.",
        group="Sampling",
        default=1.0,
        minimum=0,
        maximum=1,
        excludes_minimum=True,
        step=0.01,
    ),
    Parameter(
        name="repetition_penalty",
        kind="number",
        label="Repetition penalty",
        help_text="Above 1, tokens that the text already has become less likely.",
        group="Sampling",
        default=1.0,
        minimum=0,
        maximum=10,
        excludes_minimum=True,
        step=0.05,
    ),
    Parameter(
        name="seed",
        kind="integer",
        label="Seed",
        help_text="The same seed with the same call gives the same completion. "
        "Left out, one is drawn and reported.",
        group="Sampling",
        minimum=0,
        maximum=2**63 - 1,
        step=1,
    ),
    Parameter(
        name="stop",
        kind="strings",
        label="Stop sequences",
        help_text="The completion ends before the first of these texts.",
        group="Stopping",
        default=(),
    ),
)
PARAMETERS_BY_NAME = {parameter.name: parameter for parameter in PARAMETERS}


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationParameters:
    """Validated values. `max_new_tokens` is None where the caller named no length."""

    max_new_tokens: int | None
    max_length: int | None
    do_sample: bool
    temperature: float
    top_k: int
    top_p: float
    repetition_penalty: float
    seed: int
    stop: tuple[str, ...]

    @property
    def is_greedy(self) -> bool:
        return not self.do_sample or self.temperature == 0

    def as_json(self) -> dict[str, object]:
        """The values as they were understood, for the ledger."""
        return {
            name: value
            for name, value in dataclasses.asdict(self).items()
            if value is not None
        }

    def seed_of(self, index: int) -> int:
        """Each prompt of a call has a seed of its own, so that equal ones differ."""
        return (self.seed + index) % 2**63


def parse(raw: Mapping[str, object]) -> GenerationParameters:
    """Validate a caller's parameters; `InvalidParameter` names the one that is wrong."""
    for name in raw:
        if name not in PARAMETERS_BY_NAME:
            raise _unknown(name)
    values = {
        parameter.name: parameter.parse(raw.get(parameter.name))
        for parameter in PARAMETERS
    }
    if raw.get("max_new_tokens") is None:
        values["max_new_tokens"] = None
    if values["seed"] is None:
        values["seed"] = secrets.randbelow(DRAWN_SEED_LIMIT)
    return msgspec.convert(values, GenerationParameters)


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
            raw[parameter.name] = _FORM_READERS[parameter.kind](text)
    return raw


def _unknown(name: str) -> InvalidParameter:
    near = get_close_matches(str(name).lower(), PARAMETERS_BY_NAME, n=1, cutoff=0.5)
    known = ", ".join(PARAMETERS_BY_NAME)
    return InvalidParameter(
        f"There is no parameter {_shown(name)}.",
        hint=f"Did you mean {near[0]}?" if near else f"Known parameters: {known}.",
        param=str(name)[:100],
    )


def _shown(raw: object) -> str:
    text = repr(raw)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _integer(raw: object) -> int | None:
    if isinstance(raw, float) and raw.is_integer():
        return int(raw)
    return raw if isinstance(raw, int) and not isinstance(raw, bool) else None


def _number(raw: object) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    return float(raw) if abs(raw) < 2**1000 else None


def _boolean(raw: object) -> bool | None:
    return raw if isinstance(raw, bool) else None


def _strings(raw: object) -> tuple[str, ...] | None:
    texts = [raw] if isinstance(raw, str) else raw
    if not isinstance(texts, list | tuple) or len(texts) > MAX_STOP_SEQUENCES:
        return None
    if all(isinstance(text, str) and _is_sane_length(text) for text in texts):
        return tuple(texts)
    return None


def _is_sane_length(text: str) -> bool:
    return 1 <= len(text) <= MAX_STOP_CHARACTERS


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


_FORM_READERS: dict[Kind, Callable[[str], object]] = {
    "integer": _read_number,
    "number": _read_number,
    "strings": _read_lines,
}
_PARSERS: dict[Kind, Callable[[object], Value]] = {
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "strings": _strings,
}
