"""From the body of a call to an admitted prediction and the way to write its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models_app.api.parsers import read_flag
from models_app.errors import InvalidInput
from models_app.huggingface.parameters import (
    DEFAULT_NEW_TOKENS,
    Arguments,
    translate,
)
from models_app.huggingface.rendering import TextGeneration, Vocabulary
from models_app.services import Admission, Caller, admit

# `options` and `model` come from clients of Hugging Face's own service.
FIELDS = ("inputs", "parameters", "stream", "options", "model")


@dataclass(frozen=True, slots=True)
class Call:
    prompt: str
    arguments: Arguments
    streams: bool


def read_call(data: Mapping[str, Any], *, streams: bool | None = None) -> Call:
    """The call in a body; an address that always streams, or never, says so."""
    for name in data:
        if name not in FIELDS:
            raise InvalidInput(
                f'The call has no field "{str(name)[:100]}".',
                hint="Generation parameters go into parameters.",
                param=str(name)[:100],
            )
    asked = read_flag(data, "stream")
    does_stream = asked if streams is None else streams
    return Call(
        prompt=read_prompt(data),
        arguments=translate(_parameters(data), streams=does_stream),
        streams=does_stream,
    )


def read_prompt(data: Mapping[str, Any]) -> str:
    inputs = data.get("inputs")
    if isinstance(inputs, str):
        return inputs
    raise InvalidInput(
        "inputs must be a text.",
        hint="For several prompts in one call, use /api/v1/.",
        param="inputs",
    )


def admit_call(
    call: Call, *, caller: Caller, language_model: str
) -> tuple[Admission, TextGeneration]:
    admission = admit(
        caller=caller,
        language_model=language_model,
        prompts=[call.prompt],
        parameters=call.arguments.parameters,
        default_new_tokens=DEFAULT_NEW_TOKENS,
        longest_prompt=call.arguments.truncate,
    )
    (prompt,) = admission.run.prompts
    writer = TextGeneration(
        arguments=call.arguments,
        vocabulary=Vocabulary.of(admission.language_model.slug),
        first_token_id=prompt.token_ids[0],
    )
    return admission, writer


def _parameters(data: Mapping[str, Any]) -> Mapping[str, object]:
    parameters = data.get("parameters")
    if parameters is None:
        return {}
    if isinstance(parameters, dict):
        return parameters
    raise InvalidInput("parameters must be an object.", param="parameters")
