"""What the machine itself can do: how fast it reads memory and multiplies matrices.

One stream reads every weight once for each token, so memory bounds its speed; many
streams share the reading and are bounded by the matrix rate. `… FOLDER` names the
checkpoint whose weights are meant.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from bench.checkpoint import BYTES_PER_WEIGHT, num_weights_per_token
from bench.protocol import Figures, answer_commands

BUFFER_BYTES = 2**30
# Rows, inputs and outputs of the product that tells the matrix rate.
ROWS, WIDTH = 512, 4096
REPEATS = 5


class FloorPeer:
    def __init__(self, folder: Path) -> None:
        torch.set_num_threads(os.cpu_count() or 1)
        self._buffer = torch.ones(BUFFER_BYTES // 4)
        self._num_weights = num_weights_per_token(folder)

    def read(self) -> Figures:
        seconds = _usual(self._buffer.sum)
        rate = BUFFER_BYTES / seconds
        return {"read_gb_per_second": rate / 1e9} | {
            f"{precision}_tokens_per_second": rate / self._num_weights / num_bytes
            for precision, num_bytes in BYTES_PER_WEIGHT.items()
        }

    def multiply(self) -> Figures:
        return {
            f"{name}_gflops": _matrix_rate(dtype)
            for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16))
        }


@torch.inference_mode()
def _matrix_rate(dtype: torch.dtype) -> float:
    weight = torch.randn(WIDTH, WIDTH, dtype=dtype)
    packed = torch.ops.mkldnn._reorder_linear_weight(weight, None)
    rows = torch.randn(ROWS, WIDTH, dtype=dtype)
    seconds = _usual(
        lambda: torch.ops.mkldnn._linear_pointwise(rows, packed, None, "none", [], "")
    )
    return 2 * ROWS * WIDTH * WIDTH / seconds / 1e9


def _usual(call: Callable[[], object]) -> float:
    def seconds() -> float:
        started = time.perf_counter()
        call()
        return time.perf_counter() - started

    return statistics.median(seconds() for _ in range(REPEATS))


if __name__ == "__main__":
    peer = FloorPeer(Path(sys.argv[1]))
    answer_commands({"read": peer.read, "multiply": peer.multiply})
