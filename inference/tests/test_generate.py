"""Greedy completions with every parameter equal transformers' `generate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from inference.engine import load_engine
from inference.tests.fakes import engine_config, run_to_end, submit, token_ids
from inference.tests.generate import generate
from inference.tokenizer import Tokenizer

PROMPTS = ("The old man looked at the sea and", "It was the best of times, it was")
COMMA, FULL_STOP = 12, 14
PARAMETERS: list[dict[str, Any]] = [
    {},
    {"end_token_ids": (COMMA, FULL_STOP)},
    {"end_token_ids": (COMMA,), "min_new_tokens": 9},
    {"end_token_ids": (), "stop_token_ids": (COMMA,)},
    {"repetition_penalty": 1.3},
    {"no_repeat_ngram_size": 2},
    {"bad_words_ids": ((COMMA,), (263, 800))},
    {"logit_bias": {COMMA: 3.0, FULL_STOP: -100.0}},
    {"repetition_penalty": 1.1, "no_repeat_ngram_size": 3, "min_new_tokens": 10},
]


def test_it_completes_as_transformers_does_alone_and_all_at_once(
    neo_tiny: Path,
) -> None:
    model = AutoModelForCausalLM.from_pretrained(neo_tiny, dtype=torch.float32)
    tokenizer = Tokenizer.load(neo_tiny)
    settings = {"precision": "fp32", "num_slots": 8}
    together = load_engine(neo_tiny, engine_config(**settings))
    alone = load_engine(neo_tiny, engine_config(**settings))
    expected = {}
    for number, options in enumerate(PARAMETERS):
        name = str(number)
        ids = tokenizer.encode(PROMPTS[number % len(PROMPTS)])
        one = submit(name, ids, max_new_tokens=20, **options)
        made = generate(model, ids, one.sampling, end_of_text_id=0)
        expected[name] = made.sequences[0, len(ids) :].tolist()
        together.add(one)
        alone.add(one)
        assert token_ids(run_to_end(alone)[name]) == expected[name]

    events = run_to_end(together)

    assert {name: token_ids(events[name]) for name in events} == expected


@pytest.mark.parametrize("temperature", [1e-9, 1e-5])
def test_it_takes_the_best_token_when_nearly_cold(
    neo_tiny: Path, temperature: float
) -> None:
    engine = load_engine(neo_tiny, engine_config())
    for name, options in {"a": 0.0, "b": temperature}.items():
        engine.add(submit(name, [40, 50, 60], temperature=options))

    events = run_to_end(engine)

    assert token_ids(events["a"]) == token_ids(events["b"])
