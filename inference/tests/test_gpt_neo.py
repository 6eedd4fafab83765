from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import GPTNeoForCausalLM

from inference.architectures.base import Architecture
from inference.attention import Chunk, StepAttention
from inference.engine import load_engine
from inference.errors import CheckpointInvalid
from inference.kv_tensors import KVTensors
from inference.loader import load_model
from inference.tests.fakes import engine_config
from inference.tests.reference import generate, prompts_of, run_all


@pytest.mark.parametrize("num_slots", [1, 4])
def test_it_generates_what_transformers_does(
    num_slots: int, tiny_gpt_neo: Path
) -> None:
    config = engine_config(num_slots=num_slots, max_prefill_tokens=24, precision="fp32")
    prompts = prompts_of([1, 2, 5, 31, 32, 33, 100, 260], vocab_size=300)
    model = GPTNeoForCausalLM.from_pretrained(tiny_gpt_neo)

    completions = run_all(load_engine(tiny_gpt_neo, config), prompts, 40)

    assert completions == [generate(model, prompt, 40) for prompt in prompts]


@pytest.mark.parametrize("num_slots", [1, 4])
def test_it_generates_what_transformers_does_with_trained_weights(
    num_slots: int, neo_tiny: Path
) -> None:
    config = engine_config(num_slots=num_slots, precision="fp32")
    model = GPTNeoForCausalLM.from_pretrained(neo_tiny)
    prompts = prompts_of([3, 250, 256, 600], model.config.vocab_size)

    completions = run_all(load_engine(neo_tiny, config), prompts, 20)

    assert completions == [generate(model, prompt, 20) for prompt in prompts]


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_it_rounds_little_in_the_faster_precisions(
    precision: str, tiny_gpt_neo: Path
) -> None:
    models = [
        load_model(tiny_gpt_neo, precision=name, device="cpu")[0]
        for name in ("fp32", precision)
    ]
    (prompt,) = prompts_of([80], vocab_size=300)

    exact, rounded = (logits_of(model, prompt) for model in models)

    assert torch.nn.functional.cosine_similarity(exact, rounded).mean() > 0.98


def logits_of(model: Architecture, token_ids: list[int]) -> torch.Tensor:
    shape = model.shape
    kv = KVTensors(
        num_layers=shape.num_layers,
        num_slots=1,
        num_heads=shape.num_kv_heads,
        context_length=shape.context_length,
        head_dim=shape.head_dim,
    )
    attend = StepAttention(kv, [Chunk(0, 0, len(token_ids), is_decode=False)])
    positions = torch.arange(len(token_ids))
    hidden = model.forward(torch.tensor(token_ids), positions, attend)
    return model.logits(hidden).float()


def test_it_counts_its_parameters(tiny_gpt_neo: Path) -> None:
    engine = load_engine(tiny_gpt_neo, engine_config())
    model = GPTNeoForCausalLM.from_pretrained(tiny_gpt_neo)

    status = engine.describe("tiny", load_seconds=0.0)

    assert status.num_parameters == model.num_parameters()
    assert status.context_length == 512


def test_it_refuses_a_kind_of_model_it_does_not_know(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "oracle"}')

    with pytest.raises(CheckpointInvalid, match="oracle"):
        load_engine(tmp_path, engine_config())


def test_it_refuses_a_folder_without_weights(
    tmp_path: Path, tiny_gpt_neo: Path
) -> None:
    (tmp_path / "config.json").write_text((tiny_gpt_neo / "config.json").read_text())

    with pytest.raises(CheckpointInvalid, match="safetensors"):
        load_engine(tmp_path, engine_config())
