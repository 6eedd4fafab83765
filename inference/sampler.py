"""Logits to tokens. The choice for a request depends on its own row and seed alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from inference.request import Request
from inference.sampling_params import SamplingParams


def sample(logits: Tensor, requests: Sequence[Request]) -> list[int]:
    """One token id for each request, whose logits are the row of the same number."""
    greedy: list[int] = logits.argmax(-1).tolist() if len(requests) else []
    return [
        token_id if _takes_the_best(request.sampling) else _choose(row, request)
        for token_id, row, request in zip(greedy, logits, requests, strict=True)
    ]


def processed_probabilities(row: Tensor, request: Request) -> Tensor:
    """The distribution the next token is drawn from, as transformers defines it."""
    return process(row, request).softmax(-1)


def process(row: Tensor, request: Request) -> Tensor:
    """In transformers' order: penalty, temperature, top-k, top-p."""
    sampling = request.sampling
    row = penalize_repetition(row, request.token_ids, sampling.repetition_penalty)
    if sampling.is_greedy:
        return row
    row = row / sampling.temperature
    if sampling.top_k:
        row = keep_top_k(row, sampling.top_k)
    if sampling.top_p < 1:
        row = keep_top_p(row, sampling.top_p)
    return row


def penalize_repetition(row: Tensor, token_ids: list[int], penalty: float) -> Tensor:
    if penalty == 1:
        return row
    seen = torch.tensor(sorted(set(token_ids)), device=row.device)
    scores = row[seen]
    penalized = torch.where(scores < 0, scores * penalty, scores / penalty)
    return row.index_copy(0, seen, penalized)


def keep_top_k(row: Tensor, top_k: int) -> Tensor:
    """Ties with the k-th best stay."""
    worst_kept = row.topk(min(top_k, len(row))).values[-1]
    return row.masked_fill(row < worst_kept, -torch.inf)


def keep_top_p(row: Tensor, top_p: float) -> Tensor:
    """The fewest best tokens whose probabilities add up to `top_p` or more."""
    ordered, order = row.sort(stable=True)
    dropped = ordered.softmax(-1).cumsum(-1) <= 1 - top_p
    dropped[-1] = False
    return row.masked_fill(
        torch.zeros_like(dropped).scatter(0, order, dropped), -torch.inf
    )


def uniform(seed: int, index: int) -> float:
    """A number in [0, 1) for the index-th token of a request: the same on any machine,
    in any company and after a resume, because nothing but the two goes into it."""
    key = seed.to_bytes(8, "little") + index.to_bytes(8, "little")
    digest = hashlib.blake2b(key, digest_size=8).digest()
    return int.from_bytes(digest, "little") / 2**64


def _takes_the_best(sampling: SamplingParams) -> bool:
    return sampling.is_greedy and sampling.repetition_penalty == 1


def _choose(row: Tensor, request: Request) -> int:
    row = process(row, request)
    if request.sampling.is_greedy:
        return int(row.argmax())
    cumulative = row.softmax(-1).double().cumsum(-1)
    drawn = uniform(request.sampling.seed, request.num_completion_tokens)
    index = torch.searchsorted(cumulative, cumulative[-1] * drawn, right=True)
    return min(int(index), len(row) - 1)
