"""`python -m bench.random_weights DIR`: a checkpoint of GPT-Neo-125M's shape.

In fp32, as the published one is, with GPT-2's tokenizer, which is GPT-Neo's.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from transformers import GPTNeoConfig, GPTNeoForCausalLM

from models_app.tests.checkpoints import write_gpt2_tokenizer

END_OF_TEXT_ID = 50_256


def write_checkpoint(folder: Path) -> None:
    config = GPTNeoConfig(
        num_layers=12,
        hidden_size=768,
        num_heads=12,
        max_position_embeddings=2048,
        vocab_size=50_257,
        attention_types=[[["global", "local"], 6]],
        bos_token_id=END_OF_TEXT_ID,
        eos_token_id=END_OF_TEXT_ID,
    )
    torch.manual_seed(0)
    GPTNeoForCausalLM(config).save_pretrained(folder)
    write_gpt2_tokenizer(folder)


if __name__ == "__main__":
    write_checkpoint(Path(sys.argv[1]))
