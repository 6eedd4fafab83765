"""What the web process itself needs of a checkpoint: its tokenizer and its context."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

from inference.tokenizer import Tokenizer
from models_app.errors import ModelNotInstalled, ModelNotVerified
from models_app.parity import Parity, parity_of, verify_command
from models_app.weights import checkpoint_dir, install_command


@dataclass(frozen=True, slots=True)
class Checkpoint:
    folder: Path
    tokenizer: Tokenizer
    context_length: int
    vocabulary_size: int


def require_folder(model: str) -> Path:
    """The checkpoint folder, or `ModelNotInstalled` with the command that mends it."""
    folder = checkpoint_dir(model)
    if folder is None:
        raise ModelNotInstalled(
            f"The weights of {model} are not installed on this server.",
            hint=f"Whoever runs this server installs them with: {install_command(model)}",
            param="model",
        )
    return folder


def require_verified_folder(model: str) -> Path:
    """The same, or `ModelNotVerified` if its reference does not vouch for it."""
    folder = require_folder(model)
    parity = parity_of(folder)
    if parity is not Parity.MATCHES:
        raise ModelNotVerified(
            f"{model} {parity.reason}, so this server does not serve it.",
            hint=f"Whoever runs this server learns more from: {verify_command(model)}",
            param="model",
        )
    return folder


def open_checkpoint(model: str) -> Checkpoint:
    """Read once, and again when the folder was replaced."""
    folder = require_folder(model)
    return _open(folder, folder.stat().st_mtime_ns)


@functools.lru_cache(maxsize=16)
def _open(folder: Path, changed_at: int) -> Checkpoint:
    config = json.loads((folder / "config.json").read_bytes())
    return Checkpoint(
        folder=folder,
        tokenizer=Tokenizer.load(folder),
        context_length=int(config["max_position_embeddings"]),
        vocabulary_size=int(config["vocab_size"]),
    )
