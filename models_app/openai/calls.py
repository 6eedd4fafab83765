"""What one call asks for, in terms of the predict service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from models_app.errors import InvalidInput, InvalidParameter
from models_app.openai.messages import Message, read_messages
from models_app.openai.parameters import CHAT, COMPLETION
from models_app.openai.reading import (
    Body,
    engine_parameters,
    read_include_usage,
    read_model,
    read_stream,
    read_values,
    require_known_names,
)

Values = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """`parameters` are those of `models_app.parameters`. Without sampling all `n` choices
    of a prompt are the same: `is_certain` says that one of them is computed."""

    model: str
    parameters: dict[str, object]
    is_streamed: bool
    includes_usage: bool
    n: int
    is_certain: bool
    has_logprobs: bool

    @property
    def copies(self) -> int:
        """How often what was computed is shown."""
        return self.n if self.is_certain else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionCall(Call):
    """`best_of` is how many completions of a prompt are computed, the `n` best of which
    are shown. Without `has_completion` only the prompt is."""

    prompts: list[object]
    best_of: int
    echoes: bool
    has_completion: bool

    @property
    def chooses(self) -> bool:
        return self.best_of > self.n and not self.is_certain


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCall(Call):
    messages: list[Message]

    def with_stop_tokens(self, token_ids: tuple[int, ...]) -> dict[str, object]:
        """The parameters, in which the end of a turn ends the answer as well; unless
        the call names the tokens that do."""
        if "eos_token_id" in self.parameters:
            return self.parameters
        own = cast("tuple[int, ...]", self.parameters["stop_token_ids"])
        return self.parameters | {"stop_token_ids": (*own, *token_ids)}


def read_completion_call(body: Body) -> CompletionCall:
    require_known_names(body, COMPLETION)
    values = read_values(body, COMPLETION)
    n, logprobs = cast("int", values["n"]), values["logprobs"]
    call = CompletionCall(
        model=read_model(body),
        prompts=_prompts(body.get("prompt")),
        parameters=engine_parameters(values),
        is_streamed=read_stream(body),
        includes_usage=read_include_usage(body),
        n=n,
        is_certain=_is_certain(values),
        best_of=cast("int", values["best_of"] or n),
        echoes=bool(values["echo"]),
        has_logprobs=logprobs is not None,
        has_completion=body.get("max_tokens") != 0,
    )
    _require_sense(call)
    call.parameters["num_return_sequences"] = 1 if call.is_certain else call.best_of
    if body.get("max_tokens") is not None:
        # The engine always computes one; `has_completion` hides it.
        call.parameters["max_new_tokens"] = values["max_tokens"] or 1
    if call.chooses:
        call.parameters.setdefault("logprobs", 0)
    if call.echoes and call.has_logprobs:
        call.parameters["prompt_logprobs"] = logprobs
    return call


def read_chat_call(body: Body) -> ChatCall:
    require_known_names(body, CHAT)
    values = read_values(body, CHAT)
    parameters = engine_parameters(values)
    n = cast("int", values["n"])
    is_certain = _is_certain(values)
    parameters["num_return_sequences"] = 1 if is_certain else n
    parameters["max_new_tokens"] = _longest(values)
    has_logprobs = bool(parameters.pop("logprobs"))
    if has_logprobs:
        parameters["logprobs"] = values["top_logprobs"] or 0
    elif values["top_logprobs"] is not None:
        raise InvalidParameter(
            "top_logprobs has no effect without logprobs.",
            hint="Set logprobs to true.",
            param="top_logprobs",
        )
    return ChatCall(
        model=read_model(body),
        messages=read_messages(body.get("messages")),
        parameters=parameters,
        is_streamed=read_stream(body),
        includes_usage=read_include_usage(body),
        n=n,
        is_certain=is_certain,
        has_logprobs=has_logprobs,
    )


def _is_certain(values: Values) -> bool:
    """Whether there is no other completion of a prompt than the likeliest."""
    is_greedy = values["do_sample"] is False or values["temperature"] == 0
    return is_greedy and values["num_beams"] == 1


def _prompts(prompt: object) -> list[object]:
    """A text, texts, the token ids of one prompt, or a list of such lists."""
    if isinstance(prompt, str):
        return [prompt]
    if not isinstance(prompt, list):
        raise InvalidInput(
            "prompt must be a text, a list of token ids, or a list of either.",
            param="prompt",
        )
    is_one = prompt and all(isinstance(one, int) for one in prompt)
    return [prompt] if is_one else prompt


def _require_sense(call: CompletionCall) -> None:
    if call.best_of < call.n:
        raise InvalidParameter(
            f"best_of is {call.best_of}, and {call.n} completions are asked for.",
            hint="Ask for a best_of of at least n.",
            param="best_of",
        )
    if call.is_streamed and call.chooses:
        raise InvalidParameter(
            "Which completions are the best is known only when all are done: best_of "
            "cannot be streamed.",
            hint="Leave out best_of or stream.",
            param="best_of",
        )
    if not (call.has_completion or call.echoes):
        raise InvalidParameter(
            "max_tokens is 0, which leaves nothing to answer.",
            hint="Ask for at least 1, or for echo, which brings back the prompt.",
            param="max_tokens",
        )


def _longest(values: Values) -> object:
    new, old = values["max_completion_tokens"], values["max_tokens"]
    if None not in (new, old) and new != old:
        raise InvalidParameter(
            f"max_completion_tokens is {new} and max_tokens, its older name, {old}.",
            hint="Leave one of them out.",
            param="max_tokens",
        )
    return old if new is None else new
