"""Looks at a checkpoint folder before anything of it is installed.

Only headers and JSON are read: no tensor is loaded and no pickle is ever opened.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from models_app.cards import Architecture
from models_app.weights import CONFIG_FILE

INDEX_FILE = "model.safetensors.index.json"
TOKENIZER_FILE = "tokenizer.json"
VOCABULARY_FILES = ("vocab.json", "merges.txt")
OPTIONAL_FILES = (
    INDEX_FILE,
    "generation_config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
)
# What this product reads of a checkpoint, as patterns for the hub.
WANTED_FILES = (
    *(CONFIG_FILE, "*.safetensors", TOKENIZER_FILE),
    *(*VOCABULARY_FILES, *OPTIONAL_FILES),
)
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_CONFIG_NAMES = {
    "gpt_neo": {"layers": "num_layers", "heads": "num_heads"},
    "llama": {"layers": "num_hidden_layers", "heads": "num_attention_heads"},
}
_COMMON_NAMES = {
    "hidden": "hidden_size",
    "context": "max_position_embeddings",
    "vocabulary": "vocab_size",
}
# Old checkpoints carry causal masks as tensors, and heads tied to the embedding.
_NOT_PARAMETERS = (".attn.attention.bias", ".attn.attention.masked_bias")
_TIED_HEAD = "lm_head.weight"


class CheckpointError(ValueError):
    """Why a folder cannot be installed, in one line for the operator."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder that holds everything needed to serve a language model."""

    folder: Path
    facts: dict[str, Any]
    weight_files: tuple[Path, ...]
    other_files: tuple[Path, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        return self.weight_files + self.other_files

    @property
    def size(self) -> int:
        return sum(path.stat().st_size for path in self.files)


def inspect(folder: Path) -> Checkpoint:
    """Read what the folder says about itself; raises `CheckpointError`."""
    if not folder.is_dir():
        raise CheckpointError(f"{folder} is not a folder.")
    config = _read_json(folder / CONFIG_FILE)
    weight_files = _weight_files(folder)
    is_tied = bool(config.get("tie_word_embeddings", True))
    facts = {
        **_config_facts(config),
        "parameters": sum(_count_parameters(path, is_tied) for path in weight_files),
    }
    others = (*_tokenizer_files(folder, facts["vocabulary"]), *_optional_files(folder))
    return Checkpoint(folder, facts, weight_files, (folder / CONFIG_FILE, *others))


def require_agreement(
    checkpoint: Checkpoint, architecture: Architecture, *, name: str
) -> None:
    """Refuse a checkpoint whose shape is not the one the catalogue tells of."""
    differences = [
        f"{fact} {found} instead of {expected}"
        for fact, found in checkpoint.facts.items()
        if found != (expected := getattr(architecture, fact))
    ]
    if differences:
        raise CheckpointError(f"This is not {name}: it has {', '.join(differences)}.")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(f"{path.parent} has no {path.name}.") from error
    except ValueError as error:
        raise CheckpointError(f"{path} is not readable JSON: {error}") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} does not hold a JSON object.")
    return content


def _config_facts(config: dict[str, Any]) -> dict[str, Any]:
    model_type = config.get("model_type")
    if model_type not in _CONFIG_NAMES:
        supported = " and ".join(_CONFIG_NAMES)
        raise CheckpointError(
            f"config.json says model_type {model_type!r}; this engine runs {supported}."
        )
    names = _CONFIG_NAMES[model_type] | _COMMON_NAMES
    if missing := [name for name in names.values() if name not in config]:
        raise CheckpointError(f"config.json lacks {', '.join(missing)}.")
    return {
        "model_type": model_type,
        **{fact: config[name] for fact, name in names.items()},
    }


def _weight_files(folder: Path) -> tuple[Path, ...]:
    files = tuple(sorted(folder.glob("*.safetensors")))
    if not files:
        raise CheckpointError(_why_no_weights(folder))
    index = folder / INDEX_FILE
    if not index.exists():
        alone = folder / "model.safetensors"
        return (alone,) if alone in files else files
    shards = set(_read_json(index).get("weight_map", {}).values())
    if missing := sorted(shards - {path.name for path in files}):
        raise CheckpointError(f"{folder} lacks {', '.join(missing)}.")
    return tuple(path for path in files if path.name in shards)


def _why_no_weights(folder: Path) -> str:
    pickles = sorted(path.name for pattern in _PICKLES for path in folder.glob(pattern))
    if pickles:
        return (
            f"{pickles[0]} is a pickle, and loading a pickle may run any code in it. "
            "Save the weights as safetensors and try again."
        )
    return f"{folder} has no weights: a .safetensors file is needed."


def _count_parameters(path: Path, is_tied: bool) -> int:
    return sum(
        math.prod(shape)
        for name, shape in _tensor_shapes(path)
        if not name.endswith(_NOT_PARAMETERS) and not (is_tied and name == _TIED_HEAD)
    )


def _tensor_shapes(path: Path) -> Iterator[tuple[str, list[int]]]:
    """Opening checks the header, and that the file is as long as it says."""
    try:
        with safe_open(path, framework="numpy") as tensors:
            for name in tensors.keys():  # noqa: SIM118
                yield name, tensors.get_slice(name).get_shape()
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path.name} is not a complete safetensors file: {error}"
        ) from error


def _tokenizer_files(folder: Path, vocabulary: Any) -> Iterator[Path]:
    tokenizer = folder / TOKENIZER_FILE
    pair = [folder / name for name in VOCABULARY_FILES]
    has_pair = all(path.is_file() for path in pair)
    if tokenizer.is_file():
        ids = _read_json(tokenizer).get("model", {}).get("vocab", {})
        yield tokenizer
    elif has_pair:
        ids = _read_json(pair[0])
    else:
        raise CheckpointError(
            f"{folder} has no tokenizer: tokenizer.json is needed, or vocab.json "
            "with merges.txt."
        )
    if has_pair:
        yield from pair
    if not ids or len(ids) > vocabulary:
        raise CheckpointError(
            f"The tokenizer has {len(ids)} tokens and the model {vocabulary}."
        )


def _optional_files(folder: Path) -> Iterator[Path]:
    return (folder / name for name in OPTIONAL_FILES if (folder / name).is_file())
