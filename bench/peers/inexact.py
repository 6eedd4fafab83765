"""The engine without what exactness asks for, to tell its price: `… FOLDER PRECISION`.

Lone rows go without company, and the weighted sum of a prompt's attention runs over
its whole window at once. Everything else that keeps a request's bits its own is also
the fastest way that was found.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor

from bench.peers.engine import EnginePeer
from bench.protocol import answer_commands
from inference import layers
from inference.kv_tensors import BLOCK_LENGTH
from inference.prefill_attention import PrefillSpan, Window


def attend_at_once(
    span: PrefillSpan, layer: int, queries: Tensor, window: Window
) -> Tensor:
    seen = slice(window.blocks.start, window.blocks.stop)
    keys = span._kv.keys[layer, span._slot][:, seen]
    values = span._kv.values[layer, span._slot].unflatten(1, (-1, BLOCK_LENGTH))
    products = torch.matmul(queries[:, None], keys)
    scores = products.transpose(1, 2).flatten(2) + window.mask
    return torch.bmm(scores.softmax(-1), values[:, seen].flatten(1, 2))


if __name__ == "__main__":
    layers._is_exact_alone = lambda multiply, weight: True
    setattr(PrefillSpan, "_context", attend_at_once)  # noqa: B010
    peer = EnginePeer(Path(sys.argv[1]), sys.argv[2])
    answer_commands({"decode": peer.decode, "prefix": peer.prefix})
