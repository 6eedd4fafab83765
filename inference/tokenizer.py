"""Byte-level BPE over the `tokenizers` library: text to ids and back, without torch."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path

import tokenizers
from tokenizers import decoders, models, pre_tokenizers

from inference.errors import CheckpointInvalid

END_OF_TEXT = "<|endoftext|>"


class Tokenizer:
    """What both processes need of a checkpoint's tokenizer."""

    def __init__(self, inner: tokenizers.Tokenizer) -> None:
        self._inner = inner

    @classmethod
    def load(cls, checkpoint_dir: str | Path) -> Tokenizer:
        """Read `tokenizer.json`, or the older pair `vocab.json` and `merges.txt`."""
        folder = Path(checkpoint_dir)
        if (folder / "tokenizer.json").is_file():
            return cls(_from_file(folder / "tokenizer.json"))
        elif (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
            return cls.from_pair(folder / "vocab.json", folder / "merges.txt")
        else:
            raise CheckpointInvalid(
                f"{folder} holds neither tokenizer.json nor vocab.json with merges.txt"
            )

    @classmethod
    def from_pair(cls, vocabulary: Path, merges: Path) -> Tokenizer:
        """GPT-2's own format: a JSON object of ids, and a line for each merge."""
        return cls(_from_vocabulary_and_merges(vocabulary, merges))

    @property
    def vocab_size(self) -> int:
        return self._inner.get_vocab_size(with_added_tokens=True)

    def encode(self, text: str) -> list[int]:
        return self._inner.encode(text, add_special_tokens=False).ids

    def decode(self, token_ids: list[int]) -> str:
        """The text of the ids, special tokens left out."""
        data = b"".join(self.pieces[token_id] for token_id in token_ids)
        return data.decode("utf-8", errors="replace")

    def spell(self, token_id: int) -> str:
        """The text of one token, special or not; where it is part of a character, the
        replacement character stands for it. Empty for an id that no token has."""
        return self.bytes_of(token_id).decode("utf-8", errors="replace")

    def bytes_of(self, token_id: int) -> bytes:
        """The same in bytes, whole characters or not."""
        token = self._inner.get_added_tokens_decoder().get(token_id)
        if token is not None:
            return token.content.encode()
        return self.pieces[token_id] if token_id < len(self.pieces) else b""

    def is_special(self, token_id: int) -> bool:
        """Whether the token stands for no text."""
        return not self.pieces[token_id]

    @cached_property
    def pieces(self) -> list[bytes]:
        """The bytes that each id stands for; none for a special token."""
        added = self._inner.get_added_tokens_decoder()
        pieces = [b""] * (max(self._inner.get_vocab().values(), default=-1) + 1)
        for piece, token_id in self._inner.get_vocab(with_added_tokens=False).items():
            if token_id not in added:
                pieces[token_id] = _bytes_of_letters(piece)
        for token_id, token in added.items():
            pieces[token_id] = b"" if token.special else token.content.encode()
        return pieces


def _from_file(path: Path) -> tokenizers.Tokenizer:
    try:
        return tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # The library raises no narrower one.
        raise CheckpointInvalid(f"no readable {path.name}: {error}") from error


def _from_vocabulary_and_merges(vocabulary: Path, merges: Path) -> tokenizers.Tokenizer:
    inner = tokenizers.Tokenizer(models.BPE.from_file(str(vocabulary), str(merges)))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    if END_OF_TEXT in json.loads(vocabulary.read_text(encoding="utf-8")):
        inner.add_special_tokens([END_OF_TEXT])
    return inner


def _bytes_of_letters(piece: str) -> bytes:
    try:
        return bytes(_BYTE_OF_LETTER[letter] for letter in piece)
    except KeyError as error:
        raise CheckpointInvalid(
            f"the tokenizer is not a byte-level one: {piece!r} spells no bytes"
        ) from error


def _letters_of_bytes() -> dict[str, int]:
    """GPT-2's spelling of the 256 bytes: printable ones stand for themselves, the
    others, in order, for the letters from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = {chr(byte): byte for byte in printable}
    return letters | {chr(0x100 + n): byte for n, byte in enumerate(others)}


_BYTE_OF_LETTER = _letters_of_bytes()
