from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from training.batches import Batches
from training.bpe import TokenIds
from training.model import GPTNeo
from training.optimizers import PeakRates, build_optimizers, set_learning_rate
from training.schedule import Schedule
from training.tests.conftest import TINY
from training.trainer import Trainer

STREAM: TokenIds = np.random.default_rng(0).integers(1, 400, 120).astype(np.uint16)


def make_trainer(*, steps: int = 12, stream: TokenIds = STREAM) -> Trainer:
    torch.manual_seed(0)
    schedule = Schedule(
        steps=steps,
        warmup_steps=3,
        decay_steps=4,
        long_steps=2,
        short_length=16,
        long_length=32,
    )
    batches = Batches(stream, batch_tokens=64, max_positions=64, seed=0)
    return Trainer(GPTNeo(TINY), batches, schedule, is_mixed_precision=False)


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    whole, first, second = make_trainer(), make_trainer(), make_trainer()
    whole.run(until=12)
    first.run(until=5)
    first.save(tmp_path / "checkpoint.pt")
    second.load(tmp_path / "checkpoint.pt")
    second.run(until=12)
    assert second.progress.step == 12
    assert second.progress.recent_losses == whole.progress.recent_losses
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(second.model.state_dict()[name], tensor), name


def test_it_learns_a_few_lines_by_heart() -> None:
    trainer = make_trainer(steps=250)
    trainer.train_step()
    assert trainer.progress.recent_losses[-1] > 5.5
    trainer.run(until=250)
    assert trainer.progress.recent_losses[-1] < 0.5


def test_it_stops_when_told_to() -> None:
    trainer = make_trainer()
    trainer.run(until=12, after_step=lambda running: running.progress.step < 4)
    assert trainer.progress.step == 4
    assert trainer.progress.tokens == 4 * 64


def test_mixed_precision_stays_close() -> None:
    exact, mixed = make_trainer(), make_trainer()
    mixed.is_mixed_precision = True
    exact.train_step()
    mixed.train_step()
    difference = exact.progress.recent_losses[0] - mixed.progress.recent_losses[0]
    assert abs(difference) < 0.02


def test_every_parameter_has_one_optimizer() -> None:
    model = GPTNeo(TINY)
    muon, adamw = build_optimizers(model, PeakRates())
    counts = [
        sum(len(group["params"]) for group in optimizer.param_groups)
        for optimizer in (muon, adamw)
    ]
    assert counts == [12, len(list(model.parameters())) - 12]


def test_the_schedule_scales_every_rate() -> None:
    optimizers = build_optimizers(GPTNeo(TINY), PeakRates(muon=0.02, adamw=1.0))
    set_learning_rate(optimizers, 0.5)
    rates = [group["lr"] for optim in optimizers for group in optim.param_groups]
    assert rates == [0.01, 0.01 * 16**-0.25, 0.5]
