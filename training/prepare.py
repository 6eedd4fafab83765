"""From corpus to token streams: tokenizer, training stream, held-out streams."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from training.bpe import EncodedText, encode_books, load_tokenizer, train_tokenizer
from training.corpus import Split, read_books, split_books

logger = logging.getLogger(__name__)

STREAMS = ("train", "tails", "unseen")


def prepare(corpus: Path, work: Path, *, vocab_size: int) -> None:
    """Train the tokenizer and encode the split into ``work``, unless done before."""
    if (work / "unseen.npz").exists():
        return
    work.mkdir(parents=True, exist_ok=True)
    split = split_books(read_books(corpus))
    tokenizer = train_tokenizer(split.train, vocab_size=vocab_size)
    tokenizer.save(str(work / "tokenizer.json"))
    write_streams(split, work)


def write_streams(split: Split, work: Path) -> None:
    tokenizer = load_tokenizer(work / "tokenizer.json")
    for name in STREAMS:
        books: list[str] = getattr(split, name)
        text = encode_books(tokenizer, books)
        np.savez(work / f"{name}.npz", stream=text.token_ids, num_bytes=text.num_bytes)
        logger.info(
            "%s: %d tokens, %d bytes", name, len(text.token_ids), text.num_bytes
        )


def load_stream(work: Path, name: str) -> EncodedText:
    with np.load(work / f"{name}.npz") as saved:
        return EncodedText(saved["stream"], int(saved["num_bytes"]))
