"""Warm up, stay, decay: the length of a run may be decided while it is under way."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Schedule:
    """Which share of the peak learning rate and which row length a step uses."""

    steps: int
    warmup_steps: int
    decay_steps: int
    long_steps: int
    short_length: int
    long_length: int

    def __post_init__(self) -> None:
        if self.steps < self.decay_steps:
            raise ValueError("decay_steps must not exceed steps")

    def learning_rate_share(self, step: int) -> float:
        """Rise linearly to 1, stay, and fall linearly to 0 over the last steps."""
        warm = min(1.0, (step + 1) / max(1, self.warmup_steps))
        left = min(1.0, (self.steps - step) / max(1, self.decay_steps))
        return min(warm, left)

    def length(self, step: int) -> int:
        """Short rows until the last ``long_steps``, which use the whole context."""
        is_long = step >= self.steps - self.long_steps
        return self.long_length if is_long else self.short_length
