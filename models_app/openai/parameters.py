"""What the calls of `/v1/` take: OpenAI's names and defaults, and our own parameters.

Those of ours that OpenAI does not have are taken under our names, through the SDK's
`extra_body`. What OpenAI has and this server does not is refused with a reason, unless
its value asks for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from models_app.parameters import PARAMETERS, PARAMETERS_BY_NAME, Parameter
from models_app.parameters.dialects import ANYTHING, Foreign, one_of

DEFAULT_COMPLETION_TOKENS = 16
# Whoever chats without a limit wants the whole answer.
DEFAULT_CHAT_TOKENS = int(PARAMETERS_BY_NAME["max_new_tokens"].maximum or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What one route takes. `own_names` tells ours from what the route calls them."""

    fields: tuple[str, ...]
    parameters: Mapping[str, Parameter]
    foreign: Mapping[str, Foreign]
    own_names: Mapping[str, str]

    @property
    def known(self) -> tuple[str, ...]:
        return (*self.fields, *self.parameters)


def _ours(ours: str, /, **changes: object) -> Parameter:
    return replace(PARAMETERS_BY_NAME[ours], **changes)  # type: ignore[arg-type]


def _by_name(*parameters: Parameter) -> dict[str, Parameter]:
    return {parameter.name: parameter for parameter in parameters}


# Under other names here, or asked for in another way.
_NOT_TAKEN = {
    "max_new_tokens",
    "max_length",
    "min_length",
    "num_return_sequences",
    "logprobs",
    "prompt_logprobs",
    "return_token_ids",
}
_SHARED = _by_name(*(one for one in PARAMETERS if one.name not in _NOT_TAKEN)) | (
    _by_name(
        _ours("temperature", default=1.0),
        _ours("top_k", default=0),
        _ours(
            "top_p",
            help_text="Draw only from the likeliest tokens that together have this "
            "probability; 1 draws from all, 0 always takes the likeliest.",
            excludes_minimum=False,
        ),
        _ours("stop", max_items=4),
        _ours("num_return_sequences", name="n"),
    )
)
_COMPLETION = _by_name(
    _ours(
        "max_new_tokens",
        name="max_tokens",
        help_text="How many tokens the completion may have. With echo it may be 0: "
        "then only the prompt comes back.",
        default=DEFAULT_COMPLETION_TOKENS,
        minimum=0,
    ),
    _ours(
        "num_return_sequences",
        name="best_of",
        help_text="How many completions of a prompt to compute, all of which are "
        "charged. The n whose tokens are the likeliest on average are returned.",
        default=None,
    ),
    _ours(
        "return_token_ids",
        name="echo",
        help_text="Put the prompt before the completion.",
    ),
    _ours("logprobs", maximum=5),
)
_MAX_COMPLETION_TOKENS = _ours(
    "max_new_tokens",
    name="max_completion_tokens",
    help_text="How many tokens the answer may have; by default, what the context and "
    "the tier allow.",
    default=None,
)
_CHAT = _by_name(
    _MAX_COMPLETION_TOKENS,
    replace(
        _MAX_COMPLETION_TOKENS,
        name="max_tokens",
        help_text="The older name of max_completion_tokens.",
    ),
    _ours(
        "return_token_ids",
        name="logprobs",
        help_text="Report how likely the model found each token of the answer.",
    ),
    _ours("logprobs", name="top_logprobs", help_text="With this many alternatives."),
)

_NO_EFFECT = Foreign(ANYTHING)
_FOREIGN = {
    "user": _NO_EFFECT,
    "metadata": _NO_EFFECT,
    "safety_identifier": _NO_EFFECT,
    "prompt_cache_key": _NO_EFFECT,
    "prompt_cache_retention": _NO_EFFECT,
    "service_tier": Foreign(one_of("auto", "default"), "Your tier decides."),
    "store": Foreign(one_of(False), "This server keeps no texts."),
}
_NO_TOOLS = "The models of this server call no tools."
_CHAT_FOREIGN = _FOREIGN | {
    "tools": Foreign(one_of([]), _NO_TOOLS),
    "functions": Foreign(one_of([]), _NO_TOOLS),
    "tool_choice": Foreign(one_of("none", "auto"), _NO_TOOLS),
    "function_call": Foreign(one_of("none", "auto"), _NO_TOOLS),
    "parallel_tool_calls": _NO_EFFECT,
    "response_format": Foreign(
        one_of({"type": "text"}), "The models of this server answer with plain text."
    ),
    "modalities": Foreign(one_of(["text"]), "The models of this server write text."),
    "audio": Foreign(one_of(), "The models of this server write text."),
    "prediction": Foreign(one_of(), "No output can be predicted here."),
    "web_search_options": Foreign(one_of(), "Nothing is searched for here."),
    "reasoning_effort": Foreign(one_of("none"), "The models here do not reason."),
    "verbosity": Foreign(one_of("medium"), "Say in a message how long to write."),
}
_STREAM_FIELDS = ("stream", "stream_options")
COMPLETION = Dialect(
    fields=("model", "prompt", *_STREAM_FIELDS),
    parameters=_SHARED | _COMPLETION,
    foreign=_FOREIGN
    | {"suffix": Foreign(one_of(""), "These models write on, and fill no gaps.")},
    own_names={
        "inputs": "prompt",
        "max_new_tokens": "max_tokens",
        "num_return_sequences": "n",
    },
)
CHAT = Dialect(
    fields=("model", "messages", *_STREAM_FIELDS),
    parameters=_SHARED | _CHAT,
    foreign=_CHAT_FOREIGN,
    own_names={
        "inputs": "messages",
        "max_new_tokens": "max_completion_tokens",
        "num_return_sequences": "n",
    },
)
