from __future__ import annotations

import pytest
import torch
from torch import Tensor

from inference.candidates import Kind, find_candidates
from inference.detokenizer import Detokenizer
from inference.request import Request
from inference.sampler import processed_probabilities, sample, uniform
from inference.tests.fakes import submit
from inference.warpers import Limits

PROMPT = [3, 5, 5, 9]


def make_request(**options: object) -> Request:
    request = submit("r", PROMPT, **{"temperature": 1.0} | options)
    return Request.from_submit(request, Detokenizer([]), arrived_at=0.0)


def make_logits(seed: int, vocab_size: int = 500) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(vocab_size, generator=generator) * 4


def test_it_keeps_every_token_that_ties_with_the_kth() -> None:
    logits = torch.tensor([1.0, 2.0, 2.0, 0.0])

    assert processed_probabilities(logits, make_request(top_k=1)).tolist() == [
        0,
        0.5,
        0.5,
        0,
    ]


def test_it_takes_the_best_token_when_greedy() -> None:
    requests = [make_request(temperature=0.0) for _ in range(2)]

    assert sample(torch.stack([make_logits(1), make_logits(2)]), requests) == [
        int(make_logits(1).argmax()),
        int(make_logits(2).argmax()),
    ]


def test_it_applies_the_repetition_penalty_to_greedy_choices_too() -> None:
    logits = torch.zeros(20)
    logits[5], logits[6] = 2.0, 1.5

    assert sample(logits[None], [make_request(temperature=0.0)]) == [5]
    penalized = make_request(temperature=0.0, repetition_penalty=2.0)
    assert sample(logits[None], [penalized]) == [6]


def test_it_draws_the_same_token_for_the_same_seed_and_position() -> None:
    drawn = {sample(make_logits(0)[None], [make_request(seed=7)])[0] for _ in range(5)}

    assert len(drawn) == 1


def test_it_draws_independently_of_neighbours() -> None:
    alone = sample(make_logits(0)[None], [make_request(seed=7)])
    neighbours = [make_request(seed=8, top_k=3), make_request(seed=7)]

    among = sample(torch.stack([make_logits(5), make_logits(0)]), neighbours)

    assert among[1] == alone[0]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"top_k": 50},
        {"top_p": 0.9},
        {"top_p": 0.9, "top_k": 20},
        {"min_p": 0.05},
        {"typical_p": 0.8},
        {"repetition_penalty": 1.3, "no_repeat_ngram_size": 1},
        {"temperature": 0.0, "logit_bias": {3: 1.0}},
    ],
)
@pytest.mark.parametrize("rounded", [False, True])
def test_it_draws_the_same_token_in_any_company(
    options: dict[str, object], rounded: bool
) -> None:
    """Rounded as bf16 rounds, so that many scores tie."""
    logits = torch.stack([make_logits(seed, 5000) for seed in range(6)])
    if rounded:
        logits = logits.bfloat16().float()
    requests = [make_request(seed=seed, **options) for seed in range(6)]
    others = [make_request(seed=seed, top_k=seed) for seed in range(6)]
    alone = [
        sample(row[None].clone(), [request])[0]
        for row, request in zip(logits, requests, strict=True)
    ]

    assert sample(logits.clone(), requests) == alone
    assert sample(logits.repeat(2, 1), others + requests)[6:] == alone


@pytest.mark.parametrize(
    "options",
    [{}, {"top_k": 50}, {"top_p": 0.9}, {"typical_p": 0.9}, {"min_p": 0.1}],
)
def test_it_computes_the_same_bits_in_any_company(options: dict[str, object]) -> None:
    """At a real size of vocabulary, and on more than one thread."""
    logits = torch.stack([make_logits(seed, 50_257) for seed in range(3)])
    sampling = make_request(**options).sampling
    torch.set_num_threads(2)

    def probabilities(rows: Tensor) -> Tensor:
        limits = Limits.of([sampling] * len(rows), rows.device)
        return find_candidates(rows, limits, Kind.of(sampling)).scores.softmax(-1)

    together = probabilities(logits)
    alone = torch.cat([probabilities(row[None]) for row in logits])
    torch.set_num_threads(1)
    assert torch.equal(together, alone)


def test_it_never_draws_what_is_forbidden() -> None:
    logits = torch.zeros(1, 600)
    forbidden = tuple((token_id,) for token_id in range(600) if token_id % 300)
    for seed in range(50):
        request = make_request(seed=seed, bad_words_ids=forbidden)
        assert sample(logits.clone(), [request])[0] in {0, 300}


def test_it_draws_each_token_as_often_as_it_is_likely() -> None:
    logits = torch.tensor([0.0, 1.0, 2.0, -torch.inf])
    counts = torch.zeros(4)
    for seed in range(2000):
        counts[sample(logits[None], [make_request(seed=seed)])[0]] += 1

    torch.testing.assert_close(counts / 2000, logits.softmax(-1), atol=0.04, rtol=0)


def test_it_has_one_number_for_each_seed_and_position_on_every_machine() -> None:
    assert uniform(0, 0) == pytest.approx(0.056466399, abs=1e-9)
    assert uniform(0, 0) != uniform(0, 0, draw=1)
    assert (
        len({uniform(seed, index) for seed in range(20) for index in range(20)}) == 400
    )
