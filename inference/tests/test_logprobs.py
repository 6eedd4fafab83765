"""Logprobs are the model's own, whatever else is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from inference.engine import Engine, load_engine
from inference.messages import TokenEvent, TokenLogprob
from inference.sampling_params import BeamParams
from inference.tests.fakes import engine_config, run_to_end, submit, token_ids
from inference.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def reference(neo_tiny: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(neo_tiny, dtype=torch.float32)


@pytest.fixture(scope="module")
def prompt(neo_tiny: Path) -> list[int]:
    return Tokenizer.load(neo_tiny).encode("The old man looked at the sea and said")


def make_engine(checkpoint: Path, **settings: object) -> Engine:
    return load_engine(checkpoint, engine_config(precision="fp32", **settings))


def chosen(events: list[TokenEvent]) -> list[TokenLogprob]:
    return [one for event in events for one in event.logprobs]


def expected_log_probs(reference: Any, ids: list[int]) -> Tensor:
    log_probs: Tensor = reference(torch.tensor([ids])).logits[0].log_softmax(-1)
    return log_probs.detach()


def assert_describe(
    found: list[TokenLogprob], ids: list[int], rows: Tensor, num_alternatives: int
) -> None:
    assert [one.token_id for one in found] == ids
    for one, token_id, row in zip(found, ids, rows, strict=True):
        assert one.logprob == pytest.approx(float(row[token_id]), abs=1e-4)
        assert one.rank == int((row > row[token_id]).sum()) + 1
        best = row.topk(num_alternatives)
        assert [token_id for token_id, _ in one.alternatives] == best.indices.tolist()
        values = [logprob for _, logprob in one.alternatives]
        assert values == pytest.approx(best.values.tolist(), abs=1e-4)


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 0.0},
        {"temperature": 1.3, "top_k": 40, "seed": 3},
        {"temperature": 0.0, "repetition_penalty": 1.8, "no_repeat_ngram_size": 2},
    ],
)
@pytest.mark.parametrize("num_alternatives", [0, 4])
def test_it_tells_how_likely_the_model_found_each_token(
    neo_tiny: Path,
    reference: Any,
    prompt: list[int],
    options: dict[str, Any],
    num_alternatives: int,
) -> None:
    engine = make_engine(neo_tiny)
    engine.add(submit("a", prompt, logprobs=num_alternatives, **options))
    engine.add(submit("b", prompt[3:]))

    events = run_to_end(engine)

    ids = token_ids(events["a"])
    rows = expected_log_probs(reference, prompt + ids)[len(prompt) - 1 : -1]
    assert_describe(chosen(events["a"]), ids, rows, num_alternatives)
    assert not chosen(events["b"])


@pytest.mark.parametrize("max_prefill_tokens", [4, 128])
def test_it_tells_how_likely_the_prompt_is_however_it_is_cut(
    neo_tiny: Path, reference: Any, prompt: list[int], max_prefill_tokens: int
) -> None:
    engine = make_engine(neo_tiny, max_prefill_tokens=max_prefill_tokens)
    engine.add(submit("b", prompt[2:]))
    engine.add(submit("a", prompt, prompt_logprobs=3))

    events = run_to_end(engine)["a"]

    first, *found = events[0].prompt_logprobs
    assert first is None
    rows = expected_log_probs(reference, prompt)[:-1]
    assert_describe([one for one in found if one], prompt[1:], rows, 3)
    assert not any(event.prompt_logprobs for event in events[1:])


def test_it_tells_the_same_of_a_prompt_that_was_there_before(
    neo_tiny: Path, prompt: list[int]
) -> None:
    engine = make_engine(neo_tiny)
    told = []
    for name in "ab":
        engine.add(submit(name, prompt * 10, prompt_logprobs=0))
        told.append(run_to_end(engine)[name][0].prompt_logprobs)

    assert len(told[0]) == len(prompt) * 10
    assert told[0] == told[1]


def test_it_does_not_tell_of_the_prompt_again_after_a_resume(
    neo_tiny: Path, prompt: list[int]
) -> None:
    engine = make_engine(neo_tiny)
    engine.add(submit("a", prompt, prompt_logprobs=0, resume_token_ids=[40, 50]))

    assert not any(event.prompt_logprobs for event in run_to_end(engine)["a"])


def test_it_tells_of_the_prompt_before_beams(neo_tiny: Path, prompt: list[int]) -> None:
    engine = make_engine(neo_tiny)
    options = {"prompt_logprobs": 0, "beams": BeamParams(num_beams=2)}
    engine.add(submit("a", prompt, **options))

    assert len(run_to_end(engine)["a"][0].prompt_logprobs) == len(prompt)
