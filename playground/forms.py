"""The playground's form, made from the schema of the generation parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from django.http import QueryDict

from accounts.tiers import TierLimits
from models_app.parameters import PARAMETERS, Parameter
from playground.form_values import read, write

# The API knows max_length and min_length from the npu client; here max_new_tokens and
# min_new_tokens say it better. The page has no place for the other two.
LEFT_OUT = {
    "max_length",
    "min_length",
    "prompt_logprobs",
    "return_token_ids",
}
SHOWN = tuple(one for one in PARAMETERS if one.name not in LEFT_OUT)
# Where a slider ends although its number box goes on: what lies beyond is rarely wise.
SLIDER_MAXIMUM = {
    "temperature": 2.0,
    "top_k": 200.0,
    "repetition_penalty": 2.0,
    "no_repeat_ngram_size": 10.0,
    "num_return_sequences": 16.0,
}
SLIDER_MINIMUM = {"length_penalty": -2.0}
# Each number that the tier bounds, with the limit that does.
TIER_MAXIMUM: dict[str, Callable[[TierLimits], int]] = {
    "max_new_tokens": lambda limits: limits.max_new_tokens,
    "min_new_tokens": lambda limits: limits.max_new_tokens,
    "num_return_sequences": lambda limits: limits.completions_per_call,
    "num_beams": lambda limits: limits.completions_per_call,
}
PLACEHOLDERS = {
    "seed": "random",
    "logprobs": "off",
    "stop_token_ids": "none",
    "eos_token_id": "the model's own",
}


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
        return _text_of_value(self.parameter.default)

    @property
    def is_changed(self) -> bool:
        return self.text != self.default

    @property
    def placeholder(self) -> str:
        return PLACEHOLDERS.get(self.parameter.name, "")

    @property
    def choices(self) -> list[str]:
        return [_text_of_value(choice) for choice in self.parameter.choices]

    @property
    def has_slider(self) -> bool:
        """Where an empty box means something else than a number, no slider can."""
        return self.maximum is not None and not self.placeholder

    @property
    def slider_minimum(self) -> float:
        parameter = self.parameter
        lowest = SLIDER_MINIMUM.get(parameter.name, parameter.minimum or 0)
        step = parameter.step or 1
        return lowest + step if parameter.excludes_minimum else lowest

    @property
    def slider_maximum(self) -> float | None:
        limit = SLIDER_MAXIMUM.get(self.parameter.name)
        if limit is None or self.maximum is None:
            return self.maximum
        return min(limit, self.maximum)

    @property
    def shown_step(self) -> str:
        return f"{self.parameter.step or 1:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterGroup:
    name: str
    fields: list[ParameterField]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterForm:
    """The fields in their groups; what few need is kept apart."""

    groups: list[ParameterGroup]
    advanced_groups: list[ParameterGroup]

    @property
    def fields(self) -> dict[str, ParameterField]:
        groups = self.groups + self.advanced_groups
        return {field.parameter.name: field for one in groups for field in one.fields}

    @property
    def is_advanced(self) -> bool:
        """Whether anything is set that the page would fold away."""
        return any(
            field.is_changed for group in self.advanced_groups for field in group.fields
        )


def read_submission(data: QueryDict) -> Submission:
    """The posted form; what its values mean is for the predict service to judge."""
    return Submission(
        language_model=data.get("model", ""),
        # Forms send line breaks as CRLF; models have learned LF.
        prompt=data.get("prompt", "").replace("\r\n", "\n"),
        parameters=read_parameters(data),
    )


def read_parameters(data: QueryDict) -> dict[str, object]:
    """Ready for the schema: an empty field is left out, an unticked box is false."""
    return {
        parameter.name: read(parameter, data.get(parameter.name, ""))
        for parameter in SHOWN
        if parameter.kind == "boolean" or data.get(parameter.name, "").strip()
    }


def parameter_form(
    data: QueryDict | None, *, limits: TierLimits, is_submitted: bool = False
) -> ParameterForm:
    """The form, filled from what was submitted or from an address."""
    fields = [
        ParameterField(
            parameter=parameter,
            text=_text_of(parameter, data or QueryDict(), is_submitted=is_submitted),
            maximum=_maximum(parameter, limits),
        )
        for parameter in SHOWN
    ]
    return ParameterForm(
        groups=_grouped(field for field in fields if not field.parameter.is_advanced),
        advanced_groups=_grouped(
            field for field in fields if field.parameter.is_advanced
        ),
    )


def query_of(parameters: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The parameters as pairs of an address that fills the form."""
    for name, value in parameters.items():
        for line in write(value):
            yield name, line


def _grouped(fields: Iterable[ParameterField]) -> list[ParameterGroup]:
    return [
        ParameterGroup(name=name, fields=list(group))
        for name, group in groupby(fields, key=lambda field: field.parameter.group)
    ]


def _text_of(parameter: Parameter, data: QueryDict, *, is_submitted: bool) -> str:
    if parameter.kind == "boolean" and is_submitted:
        return _text_of_value(parameter.name in data)
    if parameter.name in data:
        return "\n".join(data.getlist(parameter.name))
    return _text_of_value(parameter.default)


def _text_of_value(value: object) -> str:
    return "\n".join(write(value))


def _maximum(parameter: Parameter, limits: TierLimits) -> float | None:
    if parameter.maximum is None or parameter.name not in TIER_MAXIMUM:
        return parameter.maximum
    return min(parameter.maximum, TIER_MAXIMUM[parameter.name](limits))
