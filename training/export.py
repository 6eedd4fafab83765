"""Neo-Tiny's weights and tokenizer in the files that transformers reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from training.bpe import END_OF_TEXT_ID, load_tokenizer
from training.corpus import END_OF_TEXT
from training.model import GPTNeo, ModelConfig

WEIGHTS = "model.safetensors"


def export_checkpoint(model: GPTNeo, tokenizer_file: Path, folder: Path) -> None:
    """Write config, weights in bfloat16 and tokenizer to ``folder``.

    The config asks for float32, which holds every bfloat16 exactly: the text does not
    depend on how a reader rounds. The tied output matrix is not stored twice.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        name: tensor.detach().to(torch.bfloat16).contiguous()
        for name, tensor in model.state_dict().items()
    }
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    (folder / WEIGHTS).chmod(0o644)
    _write_json(folder / "config.json", transformers_config(model.config))
    _write_json(folder / "generation_config.json", _generation_config())
    _write_json(folder / "tokenizer_config.json", _tokenizer_config(model.config))
    load_tokenizer(tokenizer_file).save(str(folder / "tokenizer.json"))


def load_exported(folder: Path) -> tuple[GPTNeo, Tokenizer]:
    """Read an exported folder back into this package's own model."""
    raw = json.loads((folder / "config.json").read_text())
    fields = ModelConfig.__dataclass_fields__
    model = GPTNeo(ModelConfig(**{name: raw[name] for name in fields}))
    weights = load_file(folder / WEIGHTS)
    model.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    return model.eval(), load_tokenizer(folder / "tokenizer.json")


def transformers_config(config: ModelConfig) -> dict[str, Any]:
    """Return what ``GPTNeoConfig`` calls this shape."""
    return {
        "activation_function": "gelu_new",
        "architectures": ["GPTNeoForCausalLM"],
        "attention_dropout": 0.0,
        "attention_types": [[["global", "local"], config.num_layers // 2]],
        "attention_layers": ["global", "local"] * (config.num_layers // 2),
        "bos_token_id": END_OF_TEXT_ID,
        "classifier_dropout": 0.0,
        "dtype": "float32",
        "embed_dropout": 0.0,
        "eos_token_id": END_OF_TEXT_ID,
        "hidden_size": config.hidden_size,
        "initializer_range": 0.02,
        "intermediate_size": None,
        "layer_norm_epsilon": 1e-05,
        "max_position_embeddings": config.max_position_embeddings,
        "model_type": "gpt_neo",
        "num_heads": config.num_heads,
        "num_layers": config.num_layers,
        "resid_dropout": 0.0,
        "tie_word_embeddings": True,
        "use_cache": True,
        "vocab_size": config.vocab_size,
        "window_size": config.window_size,
    }


def _generation_config() -> dict[str, Any]:
    return {"bos_token_id": END_OF_TEXT_ID, "eos_token_id": END_OF_TEXT_ID}


def _tokenizer_config(config: ModelConfig) -> dict[str, Any]:
    return {
        "bos_token": END_OF_TEXT,
        "clean_up_tokenization_spaces": False,
        "eos_token": END_OF_TEXT,
        "model_max_length": config.max_position_embeddings,
        "tokenizer_class": "PreTrainedTokenizerFast",
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")
