"""Checkpoint folder to model: config.json and memory-mapped safetensors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from inference.architectures import ARCHITECTURES
from inference.architectures.base import Architecture
from inference.config import Precision
from inference.errors import CheckpointInvalid, InvalidPrecision
from inference.weights import Weights

GENERATION_CONFIG = "generation_config.json"
BF16_FLAGS = {"avx512_bf16", "amx_bf16"}


def load_model(
    checkpoint_dir: Path, *, precision: str, device: str
) -> tuple[Architecture, int]:
    """The model of the folder in the given precision, and how many parameters it has."""
    config = read_config(checkpoint_dir)
    kind = config.get("model_type", "")
    if kind not in ARCHITECTURES:
        known = ", ".join(sorted(ARCHITECTURES))
        raise CheckpointInvalid(f"model_type {kind!r} is not one of: {known}")
    weights = Weights(_read_tensors(checkpoint_dir), precision, device)
    try:
        model = ARCHITECTURES[kind](config, weights)
    except KeyError as error:
        raise CheckpointInvalid(f"config.json has no {error}") from error
    return model, weights.num_parameters


def read_config(checkpoint_dir: Path) -> dict[str, Any]:
    return _read_json(checkpoint_dir / "config.json")


def end_of_text_ids(checkpoint_dir: Path) -> frozenset[int]:
    """The ids that end a completion: one, several or none.

    As for transformers' generate, generation_config.json goes before config.json.
    """
    config = read_config(checkpoint_dir)
    if (checkpoint_dir / GENERATION_CONFIG).is_file():
        config |= _read_json(checkpoint_dir / GENERATION_CONFIG)
    ids = config.get("eos_token_id")
    if ids is None:
        return frozenset()
    return frozenset([ids] if isinstance(ids, int) else ids)


def resolve_device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def resolve_precision(precision: Precision, device: str) -> str:
    """`auto` is bf16 where the hardware multiplies it, else fp32."""
    if precision == "int8" and device != "cpu":
        raise InvalidPrecision("int8 is for processors; on a GPU take bf16 or fp32")
    if precision != "auto":
        return precision
    return "bf16" if _multiplies_bf16(device) else "fp32"


def _multiplies_bf16(device: str) -> bool:
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(_processor_flags() & BF16_FLAGS)


def _processor_flags() -> set[str]:
    try:
        return set(Path("/proc/cpuinfo").read_text(encoding="ascii").split())
    except OSError:
        return set()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointInvalid(f"no readable {path.name}: {error}") from error
    if not isinstance(content, dict):
        raise CheckpointInvalid(f"{path.name} holds no JSON object")
    return content


def _read_tensors(checkpoint_dir: Path) -> dict[str, Tensor]:
    files = sorted(checkpoint_dir.glob("*.safetensors"))
    if not files:
        raise CheckpointInvalid(f"{checkpoint_dir} holds no safetensors file")
    tensors: dict[str, Tensor] = {}
    for file in files:
        try:
            tensors |= load_file(file)
        except (OSError, SafetensorError) as error:
            raise CheckpointInvalid(f"no readable {file.name}: {error}") from error
    return tensors
