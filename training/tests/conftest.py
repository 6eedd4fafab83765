from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer

from training.bpe import train_tokenizer
from training.model import ModelConfig

EXCERPT = Path(__file__).parent / "data" / "thirty-nine-steps.txt"
TINY = ModelConfig(
    vocab_size=400,
    hidden_size=32,
    num_layers=2,
    num_heads=2,
    max_position_embeddings=64,
    window_size=16,
)


@pytest.fixture(scope="session")
def excerpt() -> str:
    return EXCERPT.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def tiny_tokenizer(excerpt: str) -> Tokenizer:
    return train_tokenizer([excerpt[:40_000]], vocab_size=TINY.vocab_size)


@pytest.fixture(scope="session")
def tiny_corpus(excerpt: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty-two short books, so that the unseen one is among them.

    Their last lines are short enough to be held out.
    """
    pieces = [excerpt[first : first + 2000] for first in range(0, 84_000, 2000)]
    books = [f"{piece.strip()}\nIt was so." for piece in pieces]
    path = tmp_path_factory.mktemp("corpus") / "books.txt"
    path.write_text("\n<|endoftext|>\n".join(books), encoding="utf-8")
    return path
