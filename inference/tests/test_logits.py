"""The distribution a token is drawn from, held against transformers' own pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from inference.detokenizer import Detokenizer
from inference.logits import process
from inference.request import Request
from inference.sampler import processed_probabilities
from inference.sampling_params import BeamParams
from inference.tests.fakes import submit
from inference.tests.generate import transformers_processors
from inference.warpers import Limits, warp

PROMPT = [3, 5, 7, 3, 5, 9, 3, 5]
END = 11

PROCESSED: list[dict[str, object]] = [
    {"logit_bias": {3: 2.5, 4: -100.0}},
    {"repetition_penalty": 1.3},
    {"repetition_penalty": 0.8},
    {"no_repeat_ngram_size": 1},
    {"no_repeat_ngram_size": 3},
    {"no_repeat_ngram_size": 20},
    {"bad_words_ids": ((4,), (5, 6), (3, 5, 8), (9, 9), (END,), (1,) * 20)},
    {"min_new_tokens": 1},
    {"min_new_tokens": 1, "stop_token_ids": (12, 13)},
    {"min_new_tokens": 1, "end_token_ids": (14,)},
    {"min_new_tokens": 1, "end_token_ids": ()},
    {
        "logit_bias": {3: 2.5},
        "repetition_penalty": 1.3,
        "no_repeat_ngram_size": 2,
        "bad_words_ids": ((4,),),
        "min_new_tokens": 1,
    },
]
WARPED: list[dict[str, object]] = [
    {"temperature": 0.7},
    {"top_k": 7},
    {"top_k": 700},
    {"top_k": 700_000},
    {"top_p": 0.8},
    {"top_p": 0.999},
    {"top_p": 0.01},
    {"top_p": 1e-9},
    {"top_p": 0.8, "temperature": 3.0},
    {"min_p": 0.1},
    {"min_p": 1.0},
    {"typical_p": 0.5},
    {"typical_p": 0.01},
    {"top_p": 0.9, "min_p": 0.02, "typical_p": 0.9},
    {
        "repetition_penalty": 1.2,
        "temperature": 1.5,
        "top_k": 40,
        "top_p": 0.9,
        "min_p": 0.01,
        "typical_p": 0.9,
    },
]


def make_request(**options: object) -> Request:
    return Request.from_submit(
        submit("r", PROMPT, **{"max_new_tokens": 4} | options),
        Detokenizer([]),
        arrived_at=0.0,
        end_of_text_ids=frozenset([END]),
    )


def make_logits(seed: int, vocab_size: int) -> Tensor:
    """Rounded as bf16 rounds, so that some scores tie."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(vocab_size, generator=generator) * 4
    return logits.bfloat16().float() if seed % 2 else logits


def expected_scores(logits: Tensor, options: dict[str, object]) -> Tensor:
    processors = transformers_processors(
        len(PROMPT), make_request(**options).sampling, END
    )
    scores: Tensor = processors(torch.tensor([PROMPT]), logits[None].clone())
    return scores[0]


def assert_same_distribution(logits: Tensor, first: Tensor, second: Tensor) -> None:
    """Among tokens with the same score it is open which ones a cut leaves."""
    torch.testing.assert_close(first.sort().values, second.sort().values)
    kept = [logits[one > 0].sort().values for one in (first, second)]
    assert torch.equal(*kept)


@pytest.mark.parametrize("options", PROCESSED)
def test_it_processes_scores_as_transformers_does(options: dict[str, object]) -> None:
    logits = make_logits(0, 50)
    expected = expected_scores(logits, options)

    process(logits, make_request(**options))

    assert torch.equal(logits, expected)


@pytest.mark.parametrize("vocab_size", [300, 6000])
@pytest.mark.parametrize("options", WARPED)
def test_it_draws_from_the_same_distribution_as_transformers(
    options: dict[str, object], vocab_size: int
) -> None:
    options = {"temperature": 1.0} | options
    for seed in range(4):
        logits = make_logits(seed, vocab_size)

        probabilities = processed_probabilities(logits, make_request(**options))

        expected = expected_scores(logits, options).softmax(-1)
        assert_same_distribution(logits, probabilities, expected)


@pytest.mark.parametrize("options", WARPED)
@pytest.mark.parametrize("num_kept", [2, 4])
def test_it_keeps_for_beams_as_many_tokens_as_transformers_does(
    options: dict[str, object], num_kept: int
) -> None:
    ends = tuple(range(num_kept - 1))
    options = {"temperature": 1.0, "end_token_ids": ends} | options
    request = make_request(**options, beams=BeamParams(num_beams=3))
    scores = make_logits(2, 300).log_softmax(-1)
    processors = transformers_processors(len(PROMPT), request.sampling, END)
    expected = processors(torch.tensor([PROMPT]), scores[None].clone())

    process(scores, request)

    limits = Limits.of([request.sampling], scores.device)
    warped = warp(scores[None], limits, num_kept)
    torch.testing.assert_close(warped, expected)


@pytest.mark.parametrize("options", [*PROCESSED, *WARPED])
def test_it_agrees_on_the_scores_of_a_real_model(
    options: dict[str, object], neo_tiny: Path
) -> None:
    options = {"temperature": 0.9} | options
    model = AutoModelForCausalLM.from_pretrained(neo_tiny)
    logits = model(torch.tensor([PROMPT])).logits[0].detach()

    for row in logits[2::3]:
        probabilities = processed_probabilities(row, make_request(**options))
        expected = expected_scores(row, options).softmax(-1)
        assert_same_distribution(row, probabilities, expected)


@pytest.mark.parametrize("frequency", [0.0, 0.7, -2.0])
@pytest.mark.parametrize("presence", [0.0, 1.5, -0.5])
def test_it_penalises_what_the_completion_has_as_openai_defines_it(
    frequency: float, presence: float
) -> None:
    written = [3, 4, 3, 3, 8]
    logits = make_logits(0, 50)
    expected = logits.clone()
    for token_id in range(50):
        count = written.count(token_id)
        expected[token_id] -= count * frequency + (count > 0) * presence
    request = make_request(frequency_penalty=frequency, presence_penalty=presence)
    request.token_ids += written

    process(logits, request)

    torch.testing.assert_close(logits, expected)


def test_it_penalises_nothing_of_the_prompt() -> None:
    logits = make_logits(0, 50)
    untouched = logits.clone()

    process(logits, make_request(frequency_penalty=1.0, presence_penalty=1.0))

    assert torch.equal(logits, untouched)
