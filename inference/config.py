"""How one engine is set up: sizes that bound its memory, and the arithmetic it uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Precision = Literal["auto", "fp32", "bf16", "int8"]
PRECISIONS: tuple[str, ...] = get_args(Precision)
# Shorter beginnings are computed as fast as they are copied.
MIN_SHARED_TOKENS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """Bounds of one model's engine. Memory for KV follows from these, never from load.

    `max_prefill_tokens` is the number of prompt tokens one step may run; beside running
    streams as many of them as make a step `max_stretch` times as long, or
    `max_short_stretch` times where prompts are short. Prompts that begin with
    `min_shared_tokens` equal ones share their keys and values; 0: never.
    """

    num_slots: int = 16
    context_length: int | None = None
    max_prefill_tokens: int = 512
    max_stretch: float = 1.6
    max_short_stretch: float = 3.0
    min_shared_tokens: int = MIN_SHARED_TOKENS
    max_waiting_requests: int = 256
    max_waiting_tokens: int = 262_144
    precision: Precision = "auto"
    num_threads: int = 2

    def __post_init__(self) -> None:
        for name in ("num_slots", "max_prefill_tokens", "num_threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if self.precision not in PRECISIONS:
            choices = ", ".join(PRECISIONS)
            raise ValueError(f"precision must be one of {choices}")
