from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from training.bpe import EncodedText
from training.evaluation import HeldOutLoss, held_out_loss
from training.model import GPTNeo
from training.tests.conftest import TINY


@pytest.fixture
def model() -> GPTNeo:
    torch.manual_seed(0)
    return GPTNeo(TINY).eval()


def test_it_relates_its_units() -> None:
    loss = HeldOutLoss(nats=20 * math.log(2), tokens=10, num_bytes=40)
    assert loss.perplexity == pytest.approx(4)
    assert loss.bits_per_byte == pytest.approx(0.5)
    assert str(loss).startswith("loss 1.3863 nats/token, perplexity 4.00, 0.5000 bits")


def test_it_scores_every_token_once(model: GPTNeo) -> None:
    ids = np.random.default_rng(0).integers(1, 400, 151).astype(np.uint16)
    loss = held_out_loss(model, EncodedText(ids, num_bytes=600), length=50)
    rows = torch.from_numpy(ids.astype(np.int64))
    with torch.no_grad():
        wanted = [
            F.cross_entropy(model(rows[None, at : at + 50])[0], rows[at + 1 : at + 51])
            for at in (0, 50, 100)
        ]
    assert loss.tokens == 150
    assert loss.nats_per_token == pytest.approx(float(sum(wanted)) / 3, rel=1e-5)


def test_it_scores_an_incomplete_last_window(model: GPTNeo) -> None:
    ids = np.arange(1, 58, dtype=np.uint16)
    parts = [ids[:51], ids[50:]]
    together, *apart = (
        held_out_loss(model, EncodedText(part, 1), length=50) for part in (ids, *parts)
    )
    assert together.tokens == 56
    assert together.nats == pytest.approx(sum(part.nats for part in apart), rel=1e-5)


def test_the_end_of_a_book_costs_nothing(model: GPTNeo) -> None:
    ids = np.array([0, 5, 6, 0, 7], dtype=np.uint16)
    assert held_out_loss(model, EncodedText(ids, 12), length=50).tokens == 3
