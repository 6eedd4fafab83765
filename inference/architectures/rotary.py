"""Rotary position embeddings (Su et al., 2021), computed as transformers does.

A pair of numbers, one from each half of a head, is turned by an angle that is its
frequency times the position. Scores then depend on distances alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from inference.architectures.base import ModelShape
from inference.errors import CheckpointInvalid
from inference.heads import Turns

THETA = 10_000.0


class Rotary:
    """One model's turns, and its scale of scores, which the queries bear.

    Every position is computed once, at load: a cosine's last bit may depend on how
    many are computed beside it.
    """

    def __init__(self, config: dict[str, Any], shape: ModelShape, device: str) -> None:
        parameters = _parameters(config)
        even = torch.arange(0, shape.head_dim, 2, dtype=torch.float32)
        frequencies = 1.0 / parameters["rope_theta"] ** (even / shape.head_dim)
        frequencies = _scaling(parameters)(frequencies, parameters)
        angles = torch.arange(shape.context_length)[:, None] * frequencies
        cosines, sines = angles.cos(), angles.sin()
        self._cosines = torch.cat((cosines, cosines), 1).unsqueeze(1).to(device)
        self._sines = torch.cat((-sines, sines), 1).unsqueeze(1).to(device)
        scales = [shape.head_dim**-0.5] * shape.num_heads + [1.0] * shape.num_kv_heads
        self._scales = torch.tensor(scales, device=device)[:, None]

    def turns(self, positions: Tensor) -> Turns:
        return Turns(
            self._cosines[positions] * self._scales,
            self._sines[positions] * self._scales,
        )


def _parameters(config: dict[str, Any]) -> dict[str, Any]:
    """As transformers 5 writes them, or the older `rope_theta` and `rope_scaling`."""
    written = config.get("rope_parameters") or config.get("rope_scaling") or {}
    theta = written.get("rope_theta") or config.get("rope_theta") or THETA
    kind = written.get("rope_type") or written.get("type") or "default"
    context = config["max_position_embeddings"]
    return {"original_max_position_embeddings": context} | dict(
        written, rope_theta=theta, rope_type=kind
    )


def _scaling(parameters: dict[str, Any]) -> Callable[..., Tensor]:
    kind = parameters["rope_type"]
    if kind not in SCALINGS:
        known = ", ".join(sorted(SCALINGS))
        raise CheckpointInvalid(f"rope_type {kind!r} is not one of: {known}")
    if parameters.get("partial_rotary_factor", 1.0) != 1.0:
        raise CheckpointInvalid("partial_rotary_factor must be 1")
    return SCALINGS[kind]


def _unscaled(frequencies: Tensor, parameters: dict[str, Any]) -> Tensor:
    return frequencies


def _linear(frequencies: Tensor, parameters: dict[str, Any]) -> Tensor:
    factor: float = parameters["factor"]
    return frequencies / factor


def _llama3(frequencies: Tensor, parameters: dict[str, Any]) -> Tensor:
    """Llama 3.1's: long waves are stretched by `factor`, short ones stay as they are,
    and those between change from one to the other."""
    low: float = parameters["low_freq_factor"]
    high: float = parameters["high_freq_factor"]
    factor: float = parameters["factor"]
    length: int = parameters["original_max_position_embeddings"]
    waves = length * frequencies / math.tau
    kept = ((waves - low) / (high - low)).clamp(0, 1)
    return (1 - kept) * frequencies / factor + kept * frequencies


SCALINGS: dict[str, Callable[[Tensor, dict[str, Any]], Tensor]] = {
    "default": _unscaled,
    "linear": _linear,
    "llama3": _llama3,
}
