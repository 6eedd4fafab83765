"""Texts to the token ids of GPT-2, and back."""

from __future__ import annotations

from collections.abc import Sequence

from models_app.backends.gpt2 import gpt2_tokenizer
from models_app.errors import InvalidInput
from models_app.texts_of_tokens import join, require_whole_characters
from models_app.tokenization import (
    MAX_CHARACTERS,
    MAX_TOKENS,
    bounded,
    require_size,
)


def encode(items: Sequence[object]) -> list[list[int]]:
    texts = [_text(item) for item in bounded(items, param="data")]
    require_size(texts, MAX_CHARACTERS, "characters", param="data")
    tokenizer = gpt2_tokenizer()
    return [tokenizer.encode(text) for text in texts]


def decode(items: Sequence[object]) -> list[str]:
    """The inverse, special tokens included. Bytes that are no characters, which only
    ids in an order of their own give, become the replacement character."""
    lists = [_list(item) for item in bounded(items, param="data")]
    require_size(lists, MAX_TOKENS, "token ids", param="data")
    tokenizer = gpt2_tokenizer()
    size, bytes_of = tokenizer.vocab_size, tokenizer.bytes_of
    return [
        join(one, size=size, bytes_of=bytes_of, of="GPT-2", param="data")
        for one in lists
    ]


def _text(item: object) -> str:
    if not isinstance(item, str):
        raise InvalidInput("The token encoder takes texts.", param="data")
    return require_whole_characters(item, param="data")


def _list(item: object) -> list[object]:
    if not isinstance(item, list):
        raise InvalidInput("The token decoder takes lists of token ids.", param="data")
    return item
