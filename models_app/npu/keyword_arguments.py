"""The keyword arguments of `npu.predict` as generation parameters.

The old service promised every parameter of transformers' `generate`. Those which this
one cannot honour are refused by name, unless their value asks for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models_app.errors import InvalidParameter
from models_app.parameters.dialects import (
    ANYTHING,
    Foreign,
    one_of,
    require_neutral,
    under_own_names,
)

_FLAGS = ("remove_input", "return_full_text")
ALIASES = {"response_length": "max_new_tokens", "penalty": "repetition_penalty"}

# Padding may be any, since there is none.
FOREIGN = {
    "num_beam_groups": Foreign(one_of(1)),
    "encoder_no_repeat_ngram_size": Foreign(one_of(0)),
    "force_words_ids": Foreign(one_of([])),
    "epsilon_cutoff": Foreign(one_of(0)),
    "eta_cutoff": Foreign(one_of(0)),
    "diversity_penalty": Foreign(one_of(0)),
    "penalty_alpha": Foreign(one_of(0)),
    "encoder_repetition_penalty": Foreign(one_of(1)),
    "output_scores": Foreign(one_of(False)),
    "pad_token_id": Foreign(ANYTHING),
    "use_cache": Foreign(ANYTHING),
    "clean_up_tokenization_spaces": Foreign(one_of(False)),
}
_HINT = "Leave it out, or use one of the parameters on the model's page."


@dataclass(frozen=True, slots=True)
class KeywordArguments:
    parameters: dict[str, object]
    removes_input: bool


def translate(raw: Mapping[str, object]) -> KeywordArguments:
    """Our names for theirs; `None` means the default, as in transformers."""
    require_neutral(raw, FOREIGN, hint=_HINT)
    parameters = under_own_names(raw, ALIASES, but={*FOREIGN, *_FLAGS})
    return KeywordArguments(parameters, _removes_input(raw))


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
