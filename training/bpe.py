"""The byte-level BPE tokenizer of Neo-Tiny: any bytes in, the same bytes out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from training.corpus import END_OF_TEXT

END_OF_TEXT_ID = 0

TokenIds = npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class EncodedText:
    """Books as one stream of token ids, and the size of their text in UTF-8."""

    token_ids: TokenIds
    num_bytes: int


def train_tokenizer(books: Iterable[str], *, vocab_size: int) -> Tokenizer:
    """Learn the merges; the alphabet is all 256 bytes, so nothing is ever unknown."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    paragraphs = (line for book in books for line in book.splitlines(keepends=True))
    tokenizer.train_from_iterator(paragraphs, trainer)
    return tokenizer


def encode_books(tokenizer: Tokenizer, books: list[str]) -> EncodedText:
    """Return one stream of ids in which an end-of-text token precedes every book."""
    encodings = tokenizer.encode_batch_fast(books)
    parts = [
        np.array([END_OF_TEXT_ID, *encoding.ids], dtype=np.uint16)
        for encoding in encodings
    ]
    num_bytes = sum(len(book.encode()) for book in books)
    return EncodedText(np.concatenate(parts), num_bytes)


def load_tokenizer(path: Path) -> Tokenizer:
    return Tokenizer.from_file(str(path))
