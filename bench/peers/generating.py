"""What the peers with transformers' `generate` share."""

from __future__ import annotations

import time
from typing import Any

import torch

from bench.protocol import Figures, Prompts


def decode(model: Any, prompts: Prompts, new_tokens: int) -> Figures:
    """One batch, greedy, every completion of the same length.

    `generate` hands all tokens over at the end, so a stream's gaps are the mean.
    """
    token_ids = torch.tensor(prompts)
    started = time.perf_counter()
    output = model.generate(
        token_ids,
        attention_mask=torch.ones_like(token_ids),
        do_sample=False,
        min_new_tokens=new_tokens,
        max_new_tokens=new_tokens,
        pad_token_id=0,
    )
    seconds = time.perf_counter() - started
    num_tokens = output[:, token_ids.shape[1] :].numel()
    return {
        "tokens_per_second": num_tokens / seconds,
        "gap_ms": 1e3 * seconds / new_tokens,
    }
