"""Greedy completions by the engine and by transformers, to hold against each other."""

from __future__ import annotations

import random

import torch
from transformers import PreTrainedModel

from inference.engine import Engine
from inference.tests.fakes import run_to_end, submit, token_ids


def prompts_of(lengths: list[int], vocab_size: int) -> list[list[int]]:
    chosen = random.Random(0)  # noqa: S311 - a test draws the same each time
    return [[chosen.randrange(1, vocab_size) for _ in range(n)] for n in lengths]


def generate(model: PreTrainedModel, prompt: list[int], num_tokens: int) -> list[int]:
    output: torch.Tensor = model.generate(
        torch.tensor([prompt]),
        max_new_tokens=num_tokens,
        do_sample=False,
        eos_token_id=None,
        pad_token_id=0,
    )
    completion: list[int] = output[0, len(prompt) :].tolist()
    return completion


def run_all(
    engine: Engine, prompts: list[list[int]], num_tokens: int
) -> list[list[int]]:
    for number, prompt in enumerate(prompts):
        options = {"max_new_tokens": num_tokens, "ignore_eos": True}
        engine.add(submit(str(number), prompt, **options))
    events = run_to_end(engine)
    return [token_ids(events[str(number)]) for number in range(len(prompts))]
