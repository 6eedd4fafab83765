"""The playground's form, made from the schema of the generation parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from django.http import QueryDict

from models_app.parameters import PARAMETERS, Parameter, from_form

# The API knows max_length from the npu client; here max_new_tokens says it better.
LEFT_OUT = {"max_length"}
# Where a slider ends although its number box goes on: what lies beyond is rarely wise.
SLIDER_MAXIMUM = {"temperature": 2.0, "top_k": 200.0, "repetition_penalty": 2.0}

_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What the form says."""

    language_model: str
    prompt: str
    parameters: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterField:
    """One parameter as the page shows it; `text` is what its input holds."""

    parameter: Parameter
    text: str
    maximum: float | None

    @property
    def default(self) -> str:
        return _as_text(self.parameter.default)

    @property
    def is_changed(self) -> bool:
        return self.text != self.default

    @property
    def has_slider(self) -> bool:
        return self.maximum is not None and self.parameter.name != "seed"

    @property
    def slider_minimum(self) -> float:
        lowest = self.parameter.minimum or 0
        step = self.parameter.step or 1
        return lowest + step if self.parameter.excludes_minimum else lowest

    @property
    def slider_maximum(self) -> float | None:
        return SLIDER_MAXIMUM.get(self.parameter.name, self.maximum)

    @property
    def shown_step(self) -> str:
        return f"{self.parameter.step or 1:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterGroup:
    name: str
    fields: list[ParameterField]


def read_submission(data: QueryDict) -> Submission:
    """The posted form; what its values mean is for the predict service to judge."""
    return Submission(
        language_model=data.get("model", ""),
        # Forms send line breaks as CRLF; models have learned LF.
        prompt=data.get("prompt", "").replace("\r\n", "\n"),
        parameters=read_parameters(data),
    )


def read_parameters(data: QueryDict) -> dict[str, object]:
    shown = {name: data.get(name, "") for name in data if name not in LEFT_OUT}
    raw = from_form(shown)
    stop = raw.get("stop")
    if isinstance(stop, list):
        raw["stop"] = [unescape(line) for line in stop]
    return raw


def parameter_groups(
    data: QueryDict | None, *, max_new_tokens: int, is_submitted: bool = False
) -> list[ParameterGroup]:
    """The fields in their groups, filled from a submitted form or an address."""
    fields = (
        ParameterField(
            parameter=parameter,
            text=_text_of(parameter, data or QueryDict(), is_submitted=is_submitted),
            maximum=_maximum(parameter, max_new_tokens),
        )
        for parameter in PARAMETERS
        if parameter.name not in LEFT_OUT
    )
    return [
        ParameterGroup(name=name, fields=list(group))
        for name, group in groupby(fields, key=lambda field: field.parameter.group)
    ]


def query_of(parameters: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The parameters as pairs of an address that fills the form."""
    for name, value in parameters.items():
        for one in value if isinstance(value, list | tuple) else [value]:
            yield name, escape(one) if isinstance(one, str) else _as_text(one)


def escape(text: str) -> str:
    """A stop sequence on one line, as the form shows it."""
    return text.replace("\\", r"\\").replace("\n", r"\n").replace("\t", r"\t")


def unescape(line: str) -> str:
    return re.sub(r"\\([nt\\])", lambda match: _ESCAPES[match[1]], line)


def _text_of(parameter: Parameter, data: QueryDict, *, is_submitted: bool) -> str:
    if parameter.kind == "strings":
        return "\n".join(data.getlist(parameter.name))
    if parameter.kind == "boolean" and is_submitted:
        return _as_text(parameter.name in data)
    return data.get(parameter.name, _as_text(parameter.default))


def _maximum(parameter: Parameter, max_new_tokens: int) -> float | None:
    if parameter.name == "max_new_tokens":
        return max_new_tokens
    return parameter.maximum


def _as_text(value: object) -> str:
    if value is None or value == ():
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)
