from __future__ import annotations

import pytest
import torch
from tokenizers import Tokenizer

from training.model import GPTNeo
from training.sampling import sample_text
from training.tests.conftest import TINY


@pytest.fixture(scope="module")
def model() -> GPTNeo:
    torch.manual_seed(0)
    return GPTNeo(TINY).eval()


def sample(model: GPTNeo, tokenizer: Tokenizer, *, seed: int, top_p: float) -> str:
    return sample_text(
        model,
        tokenizer,
        "I had been",
        max_new_tokens=70,
        temperature=1.0,
        top_p=top_p,
        seed=seed,
    )


def test_a_seed_fixes_the_text(model: GPTNeo, tiny_tokenizer: Tokenizer) -> None:
    texts = [sample(model, tiny_tokenizer, seed=seed, top_p=1.0) for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]


def test_a_small_top_p_is_greedy(model: GPTNeo, tiny_tokenizer: Tokenizer) -> None:
    greedy = sample_text(
        model,
        tiny_tokenizer,
        "I had been",
        max_new_tokens=70,
        temperature=0,
        top_p=1.0,
        seed=0,
    )
    assert sample(model, tiny_tokenizer, seed=5, top_p=1e-6) == greedy
