from __future__ import annotations

import pytest
import torch
from torch import Tensor
from transformers import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from inference.detokenizer import Detokenizer
from inference.request import Request
from inference.sampler import processed_probabilities, sample, uniform
from inference.tests.fakes import submit

PROMPT = [3, 5, 5, 9]


def make_request(**options: object) -> Request:
    request = submit("r", PROMPT, **{"temperature": 1.0} | options)
    return Request.from_submit(request, Detokenizer([]), arrived_at=0.0)


def make_logits(seed: int, vocab_size: int = 500) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(vocab_size, generator=generator) * 4


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("options", "processors"),
    [
        ({"temperature": 0.7}, [TemperatureLogitsWarper(0.7)]),
        ({"top_k": 7}, [TopKLogitsWarper(7)]),
        ({"top_k": 7000}, [TopKLogitsWarper(7000)]),
        ({"top_p": 0.8}, [TopPLogitsWarper(0.8)]),
        ({"top_p": 0.01}, [TopPLogitsWarper(0.01)]),
        ({"repetition_penalty": 1.3}, [RepetitionPenaltyLogitsProcessor(1.3)]),
        (
            {"repetition_penalty": 1.2, "temperature": 1.5, "top_k": 40, "top_p": 0.9},
            [
                RepetitionPenaltyLogitsProcessor(1.2),
                TemperatureLogitsWarper(1.5),
                TopKLogitsWarper(40),
                TopPLogitsWarper(0.9),
            ],
        ),
    ],
)
def test_it_draws_from_the_same_distribution_as_transformers(
    options: dict[str, object], processors: list[object], seed: int
) -> None:
    logits = make_logits(seed)
    expected = LogitsProcessorList(processors)(torch.tensor([PROMPT]), logits[None])

    probabilities = processed_probabilities(logits, make_request(**options))

    torch.testing.assert_close(probabilities, expected[0].softmax(-1))


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


def test_it_draws_each_token_as_often_as_it_is_likely() -> None:
    logits = torch.tensor([0.0, 1.0, 2.0, -torch.inf])
    counts = torch.zeros(4)
    for seed in range(2000):
        counts[sample(logits[None], [make_request(seed=seed)])[0]] += 1

    torch.testing.assert_close(counts / 2000, logits.softmax(-1), atol=0.04, rtol=0)


def test_it_has_one_number_for_each_seed_and_position_on_every_machine() -> None:
    assert uniform(0, 0) == pytest.approx(0.056466399, abs=1e-9)
    assert (
        len({uniform(seed, index) for seed in range(20) for index in range(20)}) == 400
    )
