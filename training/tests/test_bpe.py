from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, pre_tokenizers

from training.bpe import END_OF_TEXT_ID, encode_books
from training.corpus import END_OF_TEXT
from training.export import load_exported
from training.neo_tiny import EXPORTED


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return load_exported(EXPORTED)[1]


def test_it_knows_every_byte(tokenizer: Tokenizer) -> None:
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    assert len(alphabet) == 256
    assert set(alphabet) <= set(tokenizer.get_vocab())


@given(text=st.text())
def test_any_text_round_trips(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_every_byte_round_trips(tokenizer: Tokenizer) -> None:
    text = "".join(chr(code) for code in range(0x250)) + "€𝄞漢字 \t\r\n\0"
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_it_shortens_english(tokenizer: Tokenizer, excerpt: str) -> None:
    assert len(excerpt.encode()) / len(tokenizer.encode(excerpt).ids) > 3.4


def test_end_of_text_is_one_token(tokenizer: Tokenizer) -> None:
    assert tokenizer.token_to_id(END_OF_TEXT) == END_OF_TEXT_ID
    assert tokenizer.encode(END_OF_TEXT).ids == [END_OF_TEXT_ID]


def test_end_of_text_stands_before_every_book(tiny_tokenizer: Tokenizer) -> None:
    encoded = encode_books(tiny_tokenizer, ["One book.", "Another…"])
    one, another = (
        tiny_tokenizer.encode(text).ids for text in ("One book.", "Another…")
    )
    assert encoded.num_bytes == 19
    assert encoded.token_ids.tolist() == [
        END_OF_TEXT_ID,
        *one,
        END_OF_TEXT_ID,
        *another,
    ]
