"""The path that a GPU takes, with the processor's own kernels: see `pretended_gpu`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from inference.engine import load_engine
from inference.errors import InvalidPrecision
from inference.loader import resolve_precision
from inference.messages import Submit
from inference.sampling_params import BeamParams
from inference.tests.fakes import engine_config, run_to_end, submit, token_ids
from inference.tests.pretended_gpu import DEVICE, DeviceMixed, PretendedGpu

PROMPT = list(range(40, 80))
FLAT = {"temperature": 5.0, "top_p": 0.9}
OPTIONS: dict[str, dict[str, Any]] = {
    "greedy": {},
    "best": {"temperature": 0.9, "top_k": 20, "top_p": 0.9},
    "flat": FLAT,
    "rare": {"temperature": 1.1, "min_p": 0.01, "typical_p": 0.9},
    "edited": {
        "repetition_penalty": 1.3,
        "no_repeat_ngram_size": 2,
        "bad_words_ids": ((50,), (51, 52)),
        "logit_bias": {60: 2.0},
        "min_new_tokens": 4,
    },
    "told": {"logprobs": 3, "prompt_logprobs": 2},
    "beams": {"beams": BeamParams(num_beams=3, num_sequences=2)},
    "drawn beams": {
        "beams": BeamParams(num_beams=2, num_sequences=2),
        **FLAT,
    },
}


def requests() -> list[Submit]:
    return [
        submit(name, PROMPT, max_new_tokens=6, seed=7, end_token_ids=(), **options)
        for name, options in OPTIONS.items()
    ]


def completions(folder: Path, precision: str) -> dict[str, list[int]]:
    """Of all requests in one batch; the later ones take the prefix of the first."""
    engine = load_engine(folder, engine_config(precision=precision, num_slots=11))
    for one in requests():
        engine.add(one)
    events = run_to_end(engine)
    assert all(of_one[-1].finish_reason == "length" for of_one in events.values())
    return {
        name: token_ids(of_one) or of_one[-1].sequences[0].token_ids
        for name, of_one in events.items()
    }


@pytest.mark.parametrize("model", ["tiny_gpt_neo", "tiny_llama"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_it_computes_everything_on_the_device_that_was_chosen(
    model: str,
    precision: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder: Path = request.getfixturevalue(model)
    on_the_cpu = completions(folder, precision)
    monkeypatch.setattr("inference.engine.resolve_device", lambda: DEVICE)

    with PretendedGpu():
        on_the_device = completions(folder, precision)

    assert on_the_device.keys() == on_the_cpu.keys()
    if precision == "fp32":
        assert on_the_device == on_the_cpu


def test_the_pretended_device_refuses_what_a_gpu_refuses() -> None:
    with PretendedGpu():
        there, here = torch.ones(3, device=DEVICE), torch.ones(3)
        assert there.device.type == DEVICE
        assert (there + there).device.type == DEVICE
        assert there[torch.tensor([0, 1])].tolist() == [1.0, 1.0]
        for wrong in (lambda: there + here, there.numpy, there.data_ptr):
            with pytest.raises(DeviceMixed):
                wrong()


def test_it_refuses_int8_on_a_gpu_and_says_what_to_take() -> None:
    with pytest.raises(InvalidPrecision, match="bf16"):
        resolve_precision("int8", "cuda")
