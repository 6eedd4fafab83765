from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import GPTNeoConfig, GPTNeoForCausalLM

from inference.engine import load_engine
from inference.errors import CheckpointInvalid
from inference.loader import end_of_text_ids
from inference.tests.conftest import save_checkpoint
from inference.tests.fakes import engine_config
from inference.tests.reference import generate, prompts_of, run_all

UP = "transformer.h.1.mlp.c_fc"
ATTENTION = "transformer.h.1.attn.attention"
# What may be wrong with a tensor.
DAMAGES: list[tuple[str, Callable[[Tensor], Tensor]]] = [
    (f"{UP}.weight", lambda tensor: tensor[:, :32].contiguous()),
    (f"{UP}.weight", lambda tensor: tensor.T.contiguous()),
    (f"{UP}.weight", lambda tensor: tensor[0]),
    (f"{UP}.weight", lambda tensor: tensor[0, 0]),
    (f"{UP}.weight", lambda tensor: tensor.to(torch.int8)),
    (f"{UP}.bias", lambda tensor: tensor[:10]),
    (f"{UP}.bias", lambda tensor: tensor[None]),
    (f"{ATTENTION}.q_proj.weight", lambda tensor: tensor[:48]),
    (f"{ATTENTION}.q_proj.bias", lambda _: torch.ones(64)),
    ("transformer.h.1.ln_1.weight", lambda tensor: tensor[:32]),
    ("transformer.wte.weight", lambda tensor: tensor[:200]),
    ("transformer.wpe.weight", lambda tensor: tensor[:100]),
]


def write(folder: Path, name: str, **content: object) -> None:
    (folder / name).write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("ids", "expected"), [(2, {2}), ([2, 0], {0, 2}), (None, set())]
)
def test_it_ends_the_text_at_one_id_several_or_none(
    ids: object, expected: set[int], tmp_path: Path
) -> None:
    write(tmp_path, "config.json", eos_token_id=ids)

    assert end_of_text_ids(tmp_path) == expected


def test_it_prefers_what_the_checkpoint_says_of_generation(tmp_path: Path) -> None:
    write(tmp_path, "config.json", eos_token_id=7)
    write(tmp_path, "generation_config.json", eos_token_id=[1, 2])

    assert end_of_text_ids(tmp_path) == {1, 2}


def test_it_falls_back_on_the_config(tmp_path: Path) -> None:
    write(tmp_path, "config.json", eos_token_id=7)
    write(tmp_path, "generation_config.json", bos_token_id=1)

    assert end_of_text_ids(tmp_path) == {7}


def test_it_names_the_file_that_it_cannot_read(tmp_path: Path) -> None:
    write(tmp_path, "config.json", eos_token_id=7)
    (tmp_path / "generation_config.json").write_text("{")

    with pytest.raises(CheckpointInvalid, match="generation_config"):
        end_of_text_ids(tmp_path)


def damaged(source: Path, target: Path, **config: object) -> dict[str, Tensor]:
    """A copy whose config has other values, without its tensors."""
    content = json.loads((source / "config.json").read_text()) | config
    write(target, "config.json", **content)
    (target / "tokenizer.json").symlink_to(source / "tokenizer.json")
    return load_file(source / "model.safetensors")


@pytest.mark.parametrize(("name", "damage"), DAMAGES)
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_it_refuses_tensors_that_it_would_read_beyond(
    name: str,
    damage: Callable[[Tensor], Tensor],
    precision: str,
    tiny_gpt_neo: Path,
    tmp_path: Path,
) -> None:
    tensors = damaged(tiny_gpt_neo, tmp_path)
    tensors[name] = damage(tensors.get(name, torch.empty(0))).clone()
    save_file(tensors, tmp_path / "model.safetensors")

    with pytest.raises(CheckpointInvalid, match=name):
        load_engine(tmp_path, engine_config(precision=precision))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"num_heads": 5}, "attention.q_proj"),
        ({"vocab_size": 301}, "wte"),
        ({"max_position_embeddings": 10**12}, "wpe"),
        ({"attention_types": [[["global"], 3]]}, "attention_types"),
        ({"window_size": 0}, "window_size 0"),
        ({"window_size": -1}, "window_size -1"),
        ({"activation_function": "relu"}, "activation_function 'relu'"),
        ({"tie_word_embeddings": False}, "lm_head"),
    ],
)
def test_it_refuses_a_config_that_is_about_another_model(
    config: dict[str, object], message: str, tiny_gpt_neo: Path, tmp_path: Path
) -> None:
    save_file(damaged(tiny_gpt_neo, tmp_path, **config), tmp_path / "model.safetensors")

    with pytest.raises(CheckpointInvalid, match=message):
        load_engine(tmp_path, engine_config())


def test_it_names_what_the_config_lacks(tiny_gpt_neo: Path, tmp_path: Path) -> None:
    tensors = damaged(tiny_gpt_neo, tmp_path)
    save_file(tensors, tmp_path / "model.safetensors")
    config = json.loads((tmp_path / "config.json").read_text())
    del config["num_heads"]
    write(tmp_path, "config.json", **config)

    with pytest.raises(CheckpointInvalid, match="has no 'num_heads'"):
        load_engine(tmp_path, engine_config())


def test_it_names_the_file_of_weights_that_is_cut_off(
    tiny_gpt_neo: Path, tmp_path: Path
) -> None:
    damaged(tiny_gpt_neo, tmp_path)
    whole = (tiny_gpt_neo / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[:-100])

    with pytest.raises(CheckpointInvalid, match=r"model\.safetensors"):
        load_engine(tmp_path, engine_config())


def test_it_takes_a_config_that_is_no_object_for_none(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("[]")

    with pytest.raises(CheckpointInvalid, match="config"):
        load_engine(tmp_path, engine_config())


def test_it_gives_a_gpt_neo_that_has_one_a_head_of_its_own(tmp_path: Path) -> None:
    config = GPTNeoConfig(
        vocab_size=300,
        hidden_size=32,
        num_layers=1,
        num_heads=2,
        intermediate_size=40,
        attention_types=[[["global"], 1]],
        activation_function="gelu_pytorch_tanh",
        tie_word_embeddings=False,
    )
    save_checkpoint(GPTNeoForCausalLM(config), tmp_path)
    model = GPTNeoForCausalLM.from_pretrained(tmp_path)
    (prompt,) = prompts_of([5], vocab_size=300)

    engine = load_engine(tmp_path, engine_config(precision="fp32"))

    assert run_all(engine, [prompt], 20) == [generate(model, prompt, 20)]
