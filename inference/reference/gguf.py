"""Turns a GGUF file into a checkpoint folder: `python -m inference.reference.gguf`.

transformers reads the file and computes the weights that its quantized blocks stand
for; they are saved in bfloat16, beside the tokenizer and its chat template.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from gguf import GGUFReader
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

# How text is cut before its pieces are looked up, by the name that GGUF gives it:
# transformers takes every vocabulary of this kind for GPT-2's.
WORDS = pre_tokenizers.ByteLevel(add_prefix_space=False)
CUTS = {
    "gpt-2": WORDS,
    "smollm": pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), WORDS]
    ),
}


def convert(gguf_file: Path, target: Path) -> None:
    source = {"gguf_file": gguf_file.name}
    read: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
        gguf_file.parent, dtype=torch.float32, **source
    )
    plain_model(read).save_pretrained(target)
    tokenizer = AutoTokenizer.from_pretrained(gguf_file.parent, **source)
    tokenizer.backend_tokenizer.pre_tokenizer = cut_of(gguf_file)
    tokenizer.save_pretrained(target)


def cut_of(gguf_file: Path) -> pre_tokenizers.PreTokenizer:
    field = GGUFReader(gguf_file).get_field("tokenizer.ggml.pre")
    name = field.contents() if field else "gpt-2"
    if name not in CUTS:
        sys.exit(f"tokenizer.ggml.pre {name!r} is not one of: {', '.join(CUTS)}")
    return CUTS[name]


def plain_model(read: PreTrainedModel) -> PreTrainedModel:
    """The same weights in a model that knows nothing of its origin: one that was read
    from GGUF would say in its config.json that it is still quantized."""
    settings = {
        name: value
        for name, value in read.config.to_dict().items()
        if name != "quantization_config" and not name.startswith("_")
    }
    model: PreTrainedModel = AutoModelForCausalLM.from_config(
        type(read.config).from_dict(settings), dtype=torch.bfloat16
    )
    model.load_state_dict(read.state_dict())
    model.tie_weights()
    model.generation_config = read.generation_config
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gguf_file", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    convert(arguments.gguf_file, arguments.target)


if __name__ == "__main__":
    main()
