"""Small checkpoints with random weights: their shape is real, their text is noise."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    GPTNeoConfig,
    GPTNeoForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
)

CATALOGUE = Path(__file__).parents[2] / "models_app" / "catalogue"


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_gpt_neo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four layers, by turns global and with a window of 32, context 512."""
    folder = tmp_path_factory.mktemp("tiny-gpt-neo")
    config = GPTNeoConfig(
        vocab_size=300,
        hidden_size=64,
        num_layers=4,
        num_heads=4,
        max_position_embeddings=512,
        attention_types=[[["global", "local"], 2]],
        window_size=32,
        bos_token_id=0,
        eos_token_id=0,
    )
    return save_checkpoint(GPTNeoForCausalLM(config), folder)


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four layers, six heads of 16 over two of keys and values, context 512."""
    folder = tmp_path_factory.mktemp("tiny-llama")
    return save_checkpoint(LlamaForCausalLM(llama_config()), folder)


def llama_config(**options: object) -> LlamaConfig:
    settings: dict[str, object] = {
        "vocab_size": 300,
        "hidden_size": 96,
        "intermediate_size": 208,
        "num_hidden_layers": 4,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "tie_word_embeddings": True,
        "bos_token_id": 0,
        "eos_token_id": 0,
    }
    return LlamaConfig(**settings | options)


def save_checkpoint(model: PreTrainedModel, folder: Path) -> Path:
    """Random weights, larger than a fresh model's, so that every layer matters."""
    torch.manual_seed(0)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter.data.normal_(0, 0.2)
    model.save_pretrained(folder)
    byte_level_tokenizer().save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(scope="session")
def neo_tiny() -> Path:
    folder = CATALOGUE / "neo-tiny" / "checkpoint"
    if not (folder / "model.safetensors").is_file():
        pytest.skip("the Neo-Tiny checkpoint is not in this checkout")
    return folder


def byte_level_tokenizer() -> Tokenizer:
    """Id 0 ends the text, the others are one byte each."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: number for number, letter in enumerate(letters, start=1)}
    tokenizer = Tokenizer(models.BPE({"<|endoftext|>": 0} | vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>"])
    return tokenizer
