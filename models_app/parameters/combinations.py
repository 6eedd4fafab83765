"""Values that are right one by one and make no sense together.

What transformers' `generate` refuses is refused, and lengths that no completion can
have, of which it only warns. What merely has no effect, such as a temperature without
sampling or a length penalty without beams, is taken as it takes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from models_app.errors import InvalidParameter
from models_app.parameters.values import GenerationParameters


@dataclass(frozen=True, slots=True)
class Rule:
    """`message` and `hint` are filled in with the call's values."""

    param: str
    is_broken_by: Callable[[GenerationParameters], bool]
    message: str
    hint: str


def _wants_several_greedy(call: GenerationParameters) -> bool:
    return call.num_return_sequences > 1 and call.is_greedy and not call.has_beams


def _wants_more_than_beams(call: GenerationParameters) -> bool:
    return call.has_beams and call.num_return_sequences > call.num_beams


def _asks_beyond_max_new_tokens(call: GenerationParameters) -> bool:
    return call.max_new_tokens is not None and call.min_new_tokens > call.max_new_tokens


def _asks_beyond_max_length(call: GenerationParameters) -> bool:
    return (
        call.max_length is not None
        and call.max_new_tokens is None
        and not call.min_new_tokens
        and call.min_length > call.max_length
    )


RULES = (
    Rule(
        "num_return_sequences",
        _wants_several_greedy,
        "num_return_sequences is {num_return_sequences}, "
        "and without sampling there is only one completion.",
        "Sample, with do_sample true and a temperature above 0, or search with "
        "num_beams of at least {num_return_sequences}.",
    ),
    Rule(
        "num_return_sequences",
        _wants_more_than_beams,
        "num_return_sequences is {num_return_sequences}, and {num_beams} beams "
        "find only {num_beams} completions.",
        "Ask for at most as many sequences as num_beams.",
    ),
    Rule(
        "min_new_tokens",
        _asks_beyond_max_new_tokens,
        "min_new_tokens is {min_new_tokens}, above max_new_tokens, "
        "which is {max_new_tokens}.",
        "Ask for a min_new_tokens of at most max_new_tokens.",
    ),
    Rule(
        "min_length",
        _asks_beyond_max_length,
        "min_length is {min_length}, above max_length, which is {max_length}.",
        "Ask for a min_length of at most max_length.",
    ),
)


def require_sense(call: GenerationParameters) -> None:
    """Raise `InvalidParameter` for the first rule that the call breaks."""
    for rule in RULES:
        if rule.is_broken_by(call):
            values = call.as_json()
            raise InvalidParameter(
                rule.message.format_map(values),
                hint=rule.hint.format_map(values),
                param=rule.param,
            )
