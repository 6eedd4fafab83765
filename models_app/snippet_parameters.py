"""Our generation parameters as the keyword arguments of client libraries.

A library has other names for some, other defaults, and no word at all for others; a
program that it runs should give the text that the reader has just seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from models_app.parameters import PARAMETERS_BY_NAME

_SAMPLING = ("do_sample", "temperature", "top_k", "top_p", "typical_p")
Test = Callable[[object], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What one library's method takes.

    `defaults` are those of its door that differ from ours, `greedy` what says that
    nothing is drawn. `refuses` is what not even `extra_body` takes there.
    """

    names: Mapping[str, str]
    defaults: Mapping[str, object]
    greedy: Mapping[str, object]
    has_extra_body: bool = False
    refuses: Mapping[str, Test] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """`others` have no place in the call."""

    keywords: dict[str, object]
    extra_body: dict[str, object] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)


def _always(value: object) -> bool:
    return True


def _longer_than(length: int) -> Test:
    return lambda value: isinstance(value, list | tuple) and len(value) > length


def _above(number: int) -> Test:
    return lambda value: isinstance(value, int) and value > number


OPENAI = Dialect(
    names={
        "max_new_tokens": "max_tokens",
        "num_return_sequences": "n",
        **{
            name: name
            for name in (
                "temperature",
                "top_p",
                "frequency_penalty",
                "presence_penalty",
                "seed",
                "stop",
                "logit_bias",
                "logprobs",
            )
        },
    },
    defaults={"temperature": 1.0, "top_k": 0},
    greedy={"temperature": 0},
    has_extra_body=True,
    refuses={
        "stop": _longer_than(4),
        "logprobs": _above(5),
        **dict.fromkeys(
            ("max_length", "min_length", "prompt_logprobs", "return_token_ids"), _always
        ),
    },
)
HUGGING_FACE = Dialect(
    names={
        name: name
        for name in (
            "max_new_tokens",
            *_SAMPLING,
            "repetition_penalty",
            "frequency_penalty",
            "seed",
            "stop",
        )
    },
    defaults={"do_sample": False, "temperature": 1.0, "top_k": 0},
    greedy={},
)


def arguments_of(dialect: Dialect, parameters: Mapping[str, object]) -> Arguments:
    """The call that has the effect of these parameters of ours, as far as it can."""
    values = _effective(dialect, parameters)
    others = [name for name in values if not _has_place(dialect, name, values[name])]
    return Arguments(
        keywords={
            dialect.names[name]: value
            for name, value in values.items()
            if name in dialect.names and name not in others
        },
        extra_body={
            name: value
            for name, value in values.items()
            if name not in dialect.names and name not in others
        },
        others=others,
    )


def _effective(dialect: Dialect, parameters: Mapping[str, object]) -> dict[str, object]:
    """What has to be written, since the door's own default is another."""
    if _is_greedy(parameters):
        kept = {k: v for k, v in parameters.items() if k not in _SAMPLING}
        return {**kept, **dialect.greedy}
    unsaid = [name for name in dialect.defaults if name not in parameters]
    ours = {name: PARAMETERS_BY_NAME[name].default for name in unsaid}
    return {
        name: value
        for name, value in {**parameters, **ours}.items()
        if name == "max_new_tokens" or value != _default(dialect, name)
    }


def _default(dialect: Dialect, name: str) -> object:
    if name in dialect.defaults:
        return dialect.defaults[name]
    return PARAMETERS_BY_NAME[name].default


def _is_greedy(parameters: Mapping[str, object]) -> bool:
    return parameters.get("do_sample") is False or parameters.get("temperature") == 0


def _has_place(dialect: Dialect, name: str, value: object) -> bool:
    if name in dialect.refuses and dialect.refuses[name](value):
        return False
    return name in dialect.names or dialect.has_extra_body
