"""Texts to tokens and back, for callers who want to count, cut or look.

It costs no quota. It counts as a request of the minute, and a call is bounded in size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from models_app.backends import get_backend
from models_app.errors import InvalidInput
from models_app.models import LanguageModel
from models_app.services import Caller, enter
from models_app.texts_of_tokens import require_whole_characters, text_of

Item = TypeVar("Item")

MAX_ITEMS = 100
# Together, in all items: a fraction of a second's work.
MAX_CHARACTERS = 250_000
MAX_TOKENS = 250_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TextToken:
    """A token and where it stands: `start` and `end` count the text's characters.

    A token that holds only part of a character spans the whole of it.
    """

    token_id: int
    text: str
    start: int
    end: int


def tokenize(
    *, caller: Caller, language_model: str, texts: Sequence[object]
) -> tuple[LanguageModel, list[list[TextToken]]]:
    """The language model that is meant, and the tokens of each text."""
    entry = enter(caller, language_model)
    checked = [_checked(text) for text in bounded(texts, param="inputs")]
    require_size(checked, MAX_CHARACTERS, "characters", param="inputs")
    return entry, [list(_tokens(text, entry)) for text in checked]


def detokenize(
    *, caller: Caller, language_model: str, token_ids: Sequence[Sequence[object]]
) -> tuple[LanguageModel, list[str]]:
    """The language model that is meant, and the text of each list of token ids, in
    which special tokens stand by their names."""
    entry = enter(caller, language_model)
    lists = bounded(token_ids, param="token_ids")
    require_size(lists, MAX_TOKENS, "token ids", param="token_ids")
    return entry, [text_of(one, model=entry.slug, param="token_ids") for one in lists]


def _tokens(text: str, entry: LanguageModel) -> Iterator[TextToken]:
    """The bytes of the tokens, one after the other, are those of the text."""
    backend = get_backend()
    spell, bytes_of = backend.speller(entry.slug), backend.token_bytes(entry.slug)
    # Which character each byte belongs to.
    places = [n for n, letter in enumerate(text) for _ in letter.encode()]
    position = 0
    for token_id in backend.encode(entry.slug, text):
        following = position + len(bytes_of(token_id))
        yield TextToken(
            token_id=token_id,
            text=spell(token_id),
            start=places[position],
            end=places[following - 1] + 1,
        )
        position = following


def _checked(text: object) -> str:
    if not isinstance(text, str):
        raise InvalidInput("inputs must be a text or a list of texts.", param="inputs")
    return require_whole_characters(text, param="inputs")


def bounded(items: Sequence[Item], *, param: str) -> Sequence[Item]:
    """The items, unless they are too many for one call."""
    if len(items) > MAX_ITEMS:
        raise InvalidInput(
            f"{param} has {len(items):,} items; a call may have {MAX_ITEMS}.",
            hint="Send them in several calls.",
            param=param,
        )
    return items


def require_size(
    items: Sequence[Sequence[object]], allowed: int, unit: str, *, param: str
) -> None:
    """Refuse items that are too long together."""
    size = sum(map(len, items))
    if size > allowed:
        raise InvalidInput(
            f"{param} has {size:,} {unit}; a call may have {allowed:,}.",
            hint="Send them in several calls.",
            param=param,
        )
