"""The parameters of text-generation-inference (TGI), which huggingface_hub speaks to.

What it shares with us passes as it is, other parameters of ours too. Defaults are
TGI's: a call samples if it says so or names a value that only sampling can use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from models_app.errors import InvalidParameter, UnsupportedParameter
from models_app.parameters import Parameter
from models_app.parameters.dialects import (
    Foreign,
    one_of,
    require_neutral,
    under_own_names,
)

DEFAULT_NEW_TOKENS = 100
_DEFAULTS: dict[str, object] = {"temperature": 1.0, "top_k": 0}
# Beside `do_sample`, any other value of these makes a call sample.
_NEUTRAL = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "typical_p": 1.0}
_ALIASES = {"stop_sequences": "stop"}

# Those that say what the answer holds, or which of several completions it is.
OWN: tuple[Parameter, ...] = (
    Parameter(
        name="best_of",
        kind="integer",
        label="Best of",
        help_text="Draw this many completions and answer with the likeliest.",
        group="Sequences",
        default=1,
        minimum=1,
        maximum=64,
    ),
    Parameter(
        name="return_full_text",
        kind="boolean",
        label="Full text",
        help_text="Put the prompt before the completion.",
        group="Details",
        default=False,
    ),
    Parameter(
        name="details",
        kind="boolean",
        label="Details",
        help_text="Report the finish reason, the seed and every token.",
        group="Details",
        default=False,
    ),
    Parameter(
        name="decoder_input_details",
        kind="boolean",
        label="Details of the prompt",
        help_text="With details: report the tokens of the prompt, too.",
        group="Details",
        default=False,
    ),
    Parameter(
        name="top_n_tokens",
        kind="integer",
        label="Alternatives",
        help_text="With details: report this many of the likeliest tokens at each place.",
        group="Details",
        default=0,
        minimum=0,
        maximum=20,
    ),
    Parameter(
        name="truncate",
        kind="integer",
        label="Truncate",
        help_text="Keep only this many tokens of the prompt, its last ones.",
        group="Length",
        minimum=1,
        maximum=1_000_000,
    ),
)
_OWN_BY_NAME = {parameter.name: parameter for parameter in OWN}

UNSUPPORTED = {
    "watermark": Foreign(
        one_of(False), "This server does not watermark what it generates."
    ),
    "grammar": Foreign(one_of(), "This server does not constrain text to a grammar."),
    "adapter_id": Foreign(
        one_of(), "The language models of this server have no adapters."
    ),
}
# Parameters of ours that the answers of this door have another name for.
SAID_BY = {
    "num_return_sequences": "best_of",
    "logprobs": "top_n_tokens",
    "prompt_logprobs": "decoder_input_details",
    "return_token_ids": "details",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """`parameters` are the predict service's; the others shape prompt and answer."""

    parameters: dict[str, object]
    best_of: int
    returns_full_text: bool
    has_details: bool
    has_prefill: bool
    top_n_tokens: int
    truncate: int | None

    @property
    def samples(self) -> bool:
        is_wanted = self.parameters["do_sample"] is not False
        return is_wanted and self.parameters["temperature"] != 0


@dataclass(frozen=True, slots=True)
class _Rule:
    param: str
    is_broken_by: Callable[[Arguments], bool]
    message: str


_STREAM_RULES = (
    _Rule(
        "best_of",
        lambda call: call.best_of > 1,
        "best_of chooses among whole completions, so such a call cannot be streamed.",
    ),
    _Rule(
        "decoder_input_details",
        lambda call: call.has_prefill,
        "A stream has no place for the details of the prompt.",
    ),
)
_RULES = (
    _Rule(
        "best_of",
        lambda call: call.best_of > 1 and not call.samples,
        "best_of above 1 needs do_sample and a temperature above 0: without sampling "
        "there is one completion.",
    ),
)


def translate(raw: Mapping[str, object], *, streams: bool) -> Arguments:
    """The arguments, or an error that names the parameter as the caller wrote it."""
    _refuse_unsupported(raw)
    own = {name: one.parse(raw.get(name)) for name, one in _OWN_BY_NAME.items()}
    arguments = Arguments(
        parameters=_native(raw),
        best_of=cast("int", own["best_of"]),
        returns_full_text=bool(own["return_full_text"]),
        has_details=bool(own["details"]),
        has_prefill=bool(own["decoder_input_details"]),
        top_n_tokens=cast("int", own["top_n_tokens"]),
        truncate=cast("int | None", own["truncate"]),
    )
    _require_sense(arguments, streams=streams)
    arguments.parameters.update(_wanted_details(arguments, streams=streams))
    return arguments


def _refuse_unsupported(raw: Mapping[str, object]) -> None:
    require_neutral(raw, UNSUPPORTED, hint="Leave it out.")
    for name, own_name in SAID_BY.items():
        if raw.get(name) is not None:
            raise UnsupportedParameter(
                f"{name} is not a parameter of this address.",
                hint=f"Here it is {own_name}; /api/v1/ has {name}.",
                param=name,
            )


def _native(raw: Mapping[str, object]) -> dict[str, object]:
    given = under_own_names(raw, _ALIASES, but={*_OWN_BY_NAME, *UNSUPPORTED})
    return _DEFAULTS | given | {"do_sample": _samples(given)}


def _samples(given: Mapping[str, object]) -> object:
    """TGI's rule; what is no boolean goes on, for the parameter's own check."""
    do_sample = given.get("do_sample", False)
    if do_sample is not False:
        return do_sample
    return any(given.get(name, value) != value for name, value in _NEUTRAL.items())


def _require_sense(arguments: Arguments, *, streams: bool) -> None:
    for rule in (*_RULES, *(_STREAM_RULES if streams else ())):
        if rule.is_broken_by(arguments):
            raise InvalidParameter(rule.message, param=rule.param)


def _wanted_details(arguments: Arguments, *, streams: bool) -> dict[str, object]:
    """A stream tells every token, and the best of several is the likeliest."""
    wanted: dict[str, object] = {}
    if streams or arguments.has_details or arguments.best_of > 1:
        wanted = {"return_token_ids": True, "logprobs": arguments.top_n_tokens}
    if arguments.best_of > 1:
        wanted["num_return_sequences"] = arguments.best_of
    if arguments.has_prefill:
        wanted["prompt_logprobs"] = 0
    return wanted
