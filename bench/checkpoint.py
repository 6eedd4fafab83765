"""GPT-Neo-125M's shape with random weights: what is timed needs no published weights."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from pathlib import Path

from safetensors import safe_open

from bench.plan import Prompter
from inference.tokenizer import Tokenizer

BYTES_PER_WEIGHT = {"fp32": 4, "bf16": 2, "int8": 1}
NEO_TINY = Path("models_app/catalogue/neo-tiny/checkpoint").resolve()


def make_checkpoint(cache: Path) -> Path:
    """The folder, written by the first run (500 MB)."""
    folder = cache / "gpt-neo-125m-random"
    if not (folder / "complete").exists():
        subprocess.run(
            [sys.executable, "-m", "bench.random_weights", str(folder)], check=True
        )
        (folder / "complete").touch()
    return folder


def make_prompter(folder: Path, seed: int) -> Prompter:
    """Of the words that stay one token when their text is read again."""
    pieces = Tokenizer.load(folder).pieces
    words = [
        token_id
        for token_id, piece in enumerate(pieces)
        if piece[:1] == b" " and piece[1:].isalpha() and piece[1:].islower()
    ]
    return Prompter(words, random.Random(seed))


def num_weights_per_token(folder: Path) -> int:
    """Weights that a step has to read: of the position table it reads single rows, and
    the token table is also the head."""
    count = 0
    for file in folder.glob("*.safetensors"):
        with safe_open(file, framework="numpy") as tensors:
            count += sum(
                math.prod(tensors.get_slice(name).get_shape())
                for name in tensors.keys()  # noqa: SIM118 -- it is no dictionary
                if ".wpe." not in name
            )
    return count
