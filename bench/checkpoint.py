"""GPT-Neo-125M's shape with random weights: what is timed needs no published weights."""

from __future__ import annotations

import math
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from safetensors import safe_open

from bench.plan import Prompter
from e2e.live_server import environment_of, run_management_commands
from inference.tokenizer import Tokenizer

BYTES_PER_WEIGHT = {"fp32": 4, "bf16": 2, "int8": 1}
# The catalogue's entry of the shape that is measured.
SLUG = "gpt-neo-125m"
NEO_TINY = Path("models_app/catalogue/neo-tiny/checkpoint").resolve()


def make_checkpoint(cache: Path) -> Path:
    """The folder, installed by the first run as any model is (500 MB), since the site
    serves nothing that was not held against transformers."""
    folder = cache / "models" / SLUG
    if not folder.exists():
        environment = environment_of(cache)
        with tempfile.TemporaryDirectory(prefix="bench-") as made:
            subprocess.run(
                [sys.executable, "-m", "models_app.tests.checkpoints", made, "float32"],
                check=True,
            )
            run_management_commands(
                environment, ("migrate",), ("models", "pull", SLUG, "--from", made)
            )
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
