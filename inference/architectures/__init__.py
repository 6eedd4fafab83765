"""One short file per kind of model, found by the `model_type` of its config.json."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from inference.architectures.base import Architecture
from inference.architectures.gpt_neo import GPTNeo
from inference.architectures.llama import Llama
from inference.weights import Weights

ARCHITECTURES: dict[str, Callable[[dict[str, Any], Weights], Architecture]] = {
    "gpt_neo": GPTNeo,
    "llama": Llama,
}
