"""The keyword arguments of `npu.predict` as generation parameters.

The old service promised every parameter of transformers' `generate`. Those which this
one cannot honour are refused by name, unless their value asks for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from models_app.errors import InvalidParameter, UnsupportedParameter

_FLAGS = ("remove_input", "return_full_text")
ALIASES = {"response_length": "max_new_tokens", "penalty": "repetition_penalty"}

Test = Callable[[object], bool]


def _anything(value: object) -> bool:
    return True


def _is(*neutral: object) -> Test:
    return lambda value: value in neutral


# Each with the values under which leaving it out changes nothing. Padding may be any,
# since there is none.
NEUTRAL_VALUES: dict[str, Test] = {
    "num_beam_groups": _is(1),
    "encoder_no_repeat_ngram_size": _is(0),
    "force_words_ids": _is([]),
    "epsilon_cutoff": _is(0),
    "eta_cutoff": _is(0),
    "diversity_penalty": _is(0),
    "penalty_alpha": _is(0),
    "encoder_repetition_penalty": _is(1),
    "output_scores": _is(False),
    "pad_token_id": _anything,
    "use_cache": _anything,
    "clean_up_tokenization_spaces": _is(False),
}


@dataclass(frozen=True, slots=True)
class KeywordArguments:
    parameters: dict[str, object]
    removes_input: bool


def translate(raw: Mapping[str, object]) -> KeywordArguments:
    """Our names for theirs; `None` means the default, as in transformers."""
    parameters: dict[str, object] = {}
    for name, value in raw.items():
        if value is None or name in _FLAGS or _is_neutral(name, value):
            continue
        own_name = ALIASES.get(name, name)
        if own_name in parameters:
            raise InvalidParameter(
                f"{own_name} is given twice, under two of its names.", param=name
            )
        parameters[own_name] = value
    return KeywordArguments(parameters, _removes_input(raw))


def _is_neutral(name: str, value: object) -> bool:
    if name not in NEUTRAL_VALUES:
        return False
    if not NEUTRAL_VALUES[name](value):
        raise UnsupportedParameter(
            f"{name} is not supported by this server.",
            hint="Leave it out, or use one of the parameters on the model's page.",
            param=name,
        )
    return True


def _removes_input(raw: Mapping[str, object]) -> bool:
    """`return_full_text` is transformers' name for the opposite."""
    removes = _flag(raw, "remove_input")
    returns = _flag(raw, "return_full_text")
    if removes is not None and removes == returns:
        raise InvalidParameter(
            "remove_input and return_full_text contradict each other.",
            hint="Leave one of them out.",
            param="return_full_text",
        )
    return bool(removes) or returns is False


def _flag(raw: Mapping[str, object], name: str) -> bool | None:
    value = raw.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise InvalidParameter(f"{name} must be true or false.", param=name)
