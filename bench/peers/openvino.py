"""OpenVINO through optimum-intel: `… FOLDER PRECISION`, run by a Python that has both.

The first run exports the model into the bench's cache, which takes a minute.
"""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path
from typing import Any

from optimum.intel import OVModelForCausalLM

from bench.peers.generating import decode
from bench.protocol import answer_commands

# What the weights are made of, and what is computed in: int8 means int8 weights.
HINTS = {"fp32": "f32", "bf16": "bf16", "int8": "bf16"}


def load(folder: Path, precision: str) -> Any:
    exported = folder.parent.parent / (
        "openvino-int8" if precision == "int8" else "openvino"
    )
    if not exported.exists():
        model = OVModelForCausalLM.from_pretrained(
            folder, export=True, compile=False, load_in_8bit=precision == "int8"
        )
        model.save_pretrained(exported)
    config = {
        "INFERENCE_PRECISION_HINT": HINTS[precision],
        "INFERENCE_NUM_THREADS": os.cpu_count() or 1,
        "PERFORMANCE_HINT": "LATENCY",
    }
    return OVModelForCausalLM.from_pretrained(exported, ov_config=config)


if __name__ == "__main__":
    model = load(Path(sys.argv[1]), sys.argv[2])
    answer_commands({"decode": functools.partial(decode, model)})
