from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import LlamaForCausalLM

from inference.engine import load_engine
from inference.errors import CheckpointInvalid
from inference.tests.conftest import llama_config, save_checkpoint
from inference.tests.fakes import engine_config
from inference.tests.reference import generate, prompts_of, run_all

LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 10_000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
VARIANTS: dict[str, dict[str, Any]] = {
    "a head of its own": {"tie_word_embeddings": False},
    "biases": {"attention_bias": True, "mlp_bias": True},
    "a head for each": {"num_key_value_heads": 6},
    "heads of another size": {"head_dim": 24},
    "a larger base": {"rope_parameters": {"rope_type": "default", "rope_theta": 1e5}},
    "linear": {"rope_parameters": {"rope_type": "linear", "factor": 2.0}},
    "llama3": {"rope_parameters": LLAMA3},
}


def assert_same_completions(folder: Path, lengths: list[int], num_slots: int) -> None:
    config = engine_config(num_slots=num_slots, max_prefill_tokens=24, precision="fp32")
    prompts = prompts_of(lengths, vocab_size=300)
    model = LlamaForCausalLM.from_pretrained(folder)

    completions = run_all(load_engine(folder, config), prompts, 30)

    assert completions == [generate(model, prompt, 30) for prompt in prompts]


@pytest.mark.parametrize("num_slots", [1, 4])
def test_it_generates_what_transformers_does(num_slots: int, tiny_llama: Path) -> None:
    assert_same_completions(tiny_llama, [1, 2, 5, 31, 64, 100, 260, 470], num_slots)


@pytest.mark.parametrize("variant", VARIANTS)
def test_it_generates_what_transformers_does_with(variant: str, tmp_path: Path) -> None:
    model = LlamaForCausalLM(llama_config(**VARIANTS[variant]))
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            parameter.data.normal_(0, 0.5)
    save_checkpoint(model, tmp_path)

    assert_same_completions(tmp_path, [3, 140], num_slots=2)


def test_it_reads_how_older_checkpoints_write_positions(
    tiny_llama: Path, tmp_path: Path
) -> None:
    scaled = {name: value for name, value in LLAMA3.items() if name != "rope_theta"}
    edit_config(tiny_llama, tmp_path, rope_theta=5e4, rope_scaling=scaled)

    assert_same_completions(tmp_path, [200], num_slots=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rope_scaling": {"type": "yarn", "factor": 4.0}}, "rope_type 'yarn'"),
        ({"rope_parameters": {"partial_rotary_factor": 0.5}}, "partial_rotary_factor"),
        ({"hidden_act": "gelu"}, "hidden_act 'gelu'"),
    ],
)
def test_it_refuses_what_it_would_compute_wrongly(
    options: dict[str, Any], message: str, tiny_llama: Path, tmp_path: Path
) -> None:
    edit_config(tiny_llama, tmp_path, **options)

    with pytest.raises(CheckpointInvalid, match=message):
        load_engine(tmp_path, engine_config())


def edit_config(source: Path, target: Path, **options: Any) -> None:
    """A copy whose positions are told by `options` alone."""
    config = json.loads((source / "config.json").read_text())
    del config["rope_parameters"]
    (target / "config.json").write_text(json.dumps(config | options))
    for name in ("model.safetensors", "tokenizer.json"):
        (target / name).symlink_to(source / name)
