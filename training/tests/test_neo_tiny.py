from __future__ import annotations

import signal
from pathlib import Path

import pytest
import torch

from training import neo_tiny
from training.tests.conftest import TINY
from training.trainer import Trainer

TRAIN = [
    *("--warmup-steps", "2", "--decay-steps", "2", "--long-steps", "1"),
    *("--batch-tokens", "64", "--threads", "1"),
    *("--log-every", "2", "--save-every", "2", "--check-every", "3"),
]


@pytest.fixture(autouse=True)
def tiny_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neo_tiny, "CONFIG", TINY)


def run_training(corpus: Path, work: Path, *, steps: int) -> None:
    paths = ["--corpus", str(corpus), "--work", str(work)]
    neo_tiny.main(["train", *paths, "--steps", str(steps), *TRAIN])


def saved_step(work: Path) -> int:
    state = torch.load(work / neo_tiny.CHECKPOINT, weights_only=True)
    return int(state["progress"]["step"])


def test_it_trains_exports_evaluates_and_samples(
    tiny_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work, exported = tmp_path / "work", tmp_path / "exported"
    run_training(tiny_corpus, work, steps=4)
    run_training(tiny_corpus, work, steps=6)
    assert saved_step(work) == 6
    neo_tiny.main(["export", "--work", str(work), "--to", str(exported)])
    paths = ["--work", str(work), "--checkpoint", str(exported)]
    neo_tiny.main(["evaluate", *paths, "--length", "64"])
    sample = ["sample", "When I visit", "--checkpoint", str(exported)]
    neo_tiny.main([*sample, "--max-new-tokens", "5"])
    neo_tiny.main([*sample, "--max-new-tokens", "5"])
    tails, unseen, *samples = capsys.readouterr().out.split("\n", 2)
    assert tails.startswith("tails: loss ")
    assert unseen.startswith("unseen: loss ")
    assert samples[0].startswith("When I visit")


def test_a_signal_ends_the_run_in_order(
    tiny_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Trainer.train_step

    def interrupted_step(trainer: Trainer) -> None:
        original(trainer)
        if trainer.progress.step == 3:
            signal.raise_signal(signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(Trainer, "train_step", interrupted_step)
    run_training(tiny_corpus, tmp_path, steps=6)
    assert saved_step(tmp_path) == 3
    assert signal.getsignal(signal.SIGTERM) == before
