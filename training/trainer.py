"""The training loop: it can be stopped at any step and goes on as if it had not."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from training.batches import Batch, Batches
from training.model import GPTNeo
from training.optimizers import (
    PeakRates,
    apply_gradients,
    build_optimizers,
    set_learning_rate,
)
from training.schedule import Schedule

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Progress:
    """How far a run has come; saved with the weights."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    recent_losses: list[float] = field(default_factory=list)


class Trainer:
    """Owns the model's optimizers and the state that a checkpoint keeps.

    Batches and learning rates depend on the step alone and nothing else is random, so
    weights, optimizer state and the step are all there is to save.
    """

    def __init__(
        self,
        model: GPTNeo,
        batches: Batches,
        schedule: Schedule,
        rates: PeakRates | None = None,
        *,
        is_mixed_precision: bool = True,
    ) -> None:
        self.model = model
        self.batches = batches
        self.schedule = schedule
        self.optimizers = build_optimizers(model, rates or PeakRates())
        self.is_mixed_precision = is_mixed_precision
        self.progress = Progress()

    def run(
        self, *, until: int, after_step: Callable[[Trainer], bool] = lambda _: True
    ) -> None:
        """Train up to step ``until``, or until ``after_step`` returns False."""
        while self.progress.step < until:
            self.train_step()
            if not after_step(self):
                return

    def train_step(self) -> None:
        started = time.monotonic()
        step = self.progress.step
        set_learning_rate(self.optimizers, self.schedule.learning_rate_share(step))
        batch = self.batches.at(step, self.schedule.length(step))
        loss = self._backward(batch)
        apply_gradients(self.model, self.optimizers)
        self._count(batch, loss, time.monotonic() - started)

    def _backward(self, batch: Batch) -> float:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.is_mixed_precision):
            loss = self.model.loss(
                batch.token_ids, batch.targets, batch.first_positions
            )
        loss.backward()
        return loss.item()

    def _count(self, batch: Batch, loss: float, seconds: float) -> None:
        self.progress.step += 1
        self.progress.tokens += batch.targets.numel()
        self.progress.seconds += seconds
        self.progress.recent_losses = [*self.progress.recent_losses[-99:], loss]

    def save(self, path: Path) -> None:
        """Write a checkpoint; a reader sees the old one or the new, never a part."""
        unfinished = path.with_suffix(".partial")
        torch.save(self._state(), unfinished)
        os.replace(unfinished, path)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint that `save` wrote."""
        state = torch.load(path, weights_only=True)
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.progress = Progress(**state["progress"])

    def _state(self) -> dict[str, Any]:
        progress = self.progress
        return {
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "progress": {
                "step": progress.step,
                "tokens": progress.tokens,
                "seconds": progress.seconds,
                "recent_losses": progress.recent_losses,
            },
        }
