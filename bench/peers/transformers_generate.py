"""`transformers.generate` on one batch: `… FOLDER PRECISION`."""

from __future__ import annotations

import functools
import os
import sys

import torch
from transformers import AutoModelForCausalLM

from bench.peers.generating import decode
from bench.protocol import answer_commands

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}

if __name__ == "__main__":
    torch.set_num_threads(os.cpu_count() or 1)
    folder, precision = sys.argv[1:]
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=DTYPES[precision])
    answer_commands({"decode": functools.partial(decode, model)})
