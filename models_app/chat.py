"""Conversations as the text that a language model was taught them in.

A checkpoint may bring a chat template: a Jinja template in `chat_template.jinja` or in
`tokenizer_config.json`. It is rendered as transformers' `apply_chat_template` does it,
in Jinja's sandbox, since it is somebody else's program.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, cast

import jinja2
from django.utils import timezone
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from models_app.backends import get_backend
from models_app.backends.checkpoints import require_folder
from models_app.errors import ChatNotSupported, InvalidInput
from models_app.weights import checkpoint_dir

TEMPLATE_FILE = "chat_template.jinja"
TOKENIZER_CONFIG_FILE = "tokenizer_config.json"
# In the order of trust: what a newer tokenizer says replaces what an older one said.
SPECIAL_TOKENS_FILES = ("special_tokens_map.json", TOKENIZER_CONFIG_FILE)
SPECIAL_TOKENS = tuple(
    f"{name}_token" for name in ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
)

Message = Mapping[str, Any]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ChatPrompt:
    """A conversation as a prompt; `stop_token_ids` end the turn that it asks for."""

    text: str
    stop_token_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ChatTemplate:
    """One checkpoint's; its special tokens are known to the template by their names."""

    template: jinja2.Template
    special_tokens: Mapping[str, str]

    def render(self, messages: Sequence[Message]) -> str:
        """The conversation up to where the model's turn begins.

        Raises `InvalidInput` if the template does not take these messages.
        """
        try:
            return self.template.render(
                messages=[_without_nulls(message) for message in messages],
                tools=None,
                documents=None,
                add_generation_prompt=True,
                **self.special_tokens,
            )
        except _REFUSALS as error:
            raise InvalidInput(
                f"The model's chat template does not take these messages: {error}",
                param="messages",
            ) from error


def has_chat_template(model: str) -> bool:
    """Whether the model is on this server and takes conversations."""
    folder = checkpoint_dir(model)
    return folder is not None and _template_in(folder) is not None


def chat_prompt(model: str, messages: Sequence[Message]) -> ChatPrompt:
    """The messages, each with `role` and `content`, as a prompt for the model.

    Raises `ModelNotInstalled`, `ChatNotSupported` or `InvalidInput`.
    """
    template = _template_in(require_folder(model))
    if template is None:
        raise ChatNotSupported(
            f"{model} has no chat template: it continues a text and was not taught "
            "conversations.",
            param="model",
        )
    text = template.render(messages)
    return ChatPrompt(text, _end_of_turn(model, template))


def _end_of_turn(model: str, template: ChatTemplate) -> tuple[int, ...]:
    """The checkpoint's configuration may know the end of a text alone."""
    token_ids = get_backend().encode(
        model, template.special_tokens.get("eos_token", "")
    )
    return tuple(token_ids) if len(token_ids) == 1 else ()


def _template_in(folder: Path) -> ChatTemplate | None:
    """Read once, and again when the folder was replaced."""
    return _read(folder, folder.stat().st_mtime_ns)


@lru_cache(maxsize=16)
def _read(folder: Path, changed_at: int) -> ChatTemplate | None:
    source = _source_in(folder)
    if source is None:
        return None
    try:
        template = _environment().from_string(source)
    except jinja2.TemplateSyntaxError:
        logger.exception("the chat template in %s cannot be read", folder)
        return None
    return ChatTemplate(template, _special_tokens_in(folder))


def _source_in(folder: Path) -> str | None:
    file = folder / TEMPLATE_FILE
    if file.is_file():
        return file.read_text(encoding="utf-8")
    found = _read_json(folder / TOKENIZER_CONFIG_FILE).get("chat_template")
    if isinstance(found, list):
        named = {one["name"]: one["template"] for one in found}
        found = named.get("default")
    return cast("str | None", found)


def _special_tokens_in(folder: Path) -> dict[str, str]:
    """By name; written as a text, or as an object with the text in it."""
    found: dict[str, Any] = {}
    for name in SPECIAL_TOKENS_FILES:
        found |= _read_json(folder / name)
    return {
        name: value["content"] if isinstance(value, dict) else value
        for name in SPECIAL_TOKENS
        if (value := found.get(name)) is not None
    }


def _read_json(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    return cast("dict[str, Any]", json.loads(file.read_text(encoding="utf-8")))


def _without_nulls(message: Message) -> dict[str, Any]:
    """Templates ask whether a key is there, and would write a null as a word."""
    return {name: value for name, value in message.items() if value is not None}


class _GenerationTag(Extension):
    """`{% generation %}` marks the model's turns for training; here it marks nothing."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=line)


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=[_GenerationTag, "jinja2.ext.loopcontrols"],
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = lambda form: timezone.localtime().strftime(
        form
    )
    return environment


def _to_json(
    value: object,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Jinja's own would escape for HTML."""
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def _refuse(message: str) -> None:
    raise jinja2.TemplateError(message)


# What a template may raise on messages that it was not written for.
_REFUSALS = (
    jinja2.TemplateError,
    ArithmeticError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
