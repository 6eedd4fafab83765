"""Held-out loss of a model: per token, as perplexity, and in bits per byte."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from training.bpe import END_OF_TEXT_ID, EncodedText, TokenIds
from training.model import GPTNeo


@dataclass(frozen=True, slots=True)
class HeldOutLoss:
    """What a stretch of text costs the model; end-of-text tokens are not counted."""

    nats: float
    tokens: int
    num_bytes: int

    @property
    def nats_per_token(self) -> float:
        return self.nats / self.tokens

    @property
    def perplexity(self) -> float:
        return math.exp(self.nats_per_token)

    @property
    def bits_per_byte(self) -> float:
        return self.nats / math.log(2) / self.num_bytes

    def __str__(self) -> str:
        return (
            f"loss {self.nats_per_token:.4f} nats/token, perplexity "
            f"{self.perplexity:.2f}, {self.bits_per_byte:.4f} bits/byte "
            f"({self.tokens} tokens, {self.num_bytes} bytes)"
        )


def held_out_loss(model: GPTNeo, text: EncodedText, *, length: int) -> HeldOutLoss:
    """Score every token of a text once, in windows of ``length``."""
    nats, tokens = summed_nats(model, text.token_ids, length=length)
    return HeldOutLoss(nats, tokens, text.num_bytes)


@torch.no_grad()
def summed_nats(
    model: GPTNeo, stream: TokenIds, *, length: int, rows: int = 8
) -> tuple[float, int]:
    """Return the summed loss of a stream and the number of tokens it counts.

    The stream is scored in windows of ``length`` side by side. A window sees nothing
    of the one before it, so the result is a little worse than a sliding window's.
    """
    ids = torch.from_numpy(stream.astype(np.int64))
    inputs, targets = torch.split(ids[:-1], length), torch.split(ids[1:], length)
    whole = len(ids[1:]) // length
    groups = [slice(at, min(at + rows, whole)) for at in range(0, whole, rows)]
    if whole < len(inputs):
        groups.append(slice(whole, None))
    nats = sum(
        _nats(model, torch.stack(inputs[group]), torch.stack(targets[group]))
        for group in groups
    )
    return nats, int((ids[1:] != END_OF_TEXT_ID).sum())


def _nats(model: GPTNeo, token_ids: torch.Tensor, targets: torch.Tensor) -> float:
    logits = model(token_ids).flatten(0, 1).float()
    nats = F.cross_entropy(
        logits, targets.flatten(), ignore_index=END_OF_TEXT_ID, reduction="sum"
    )
    return float(nats)
