"""What narrows a distribution before it is drawn from, in transformers' order.

A warper takes scores `[row, candidate]` and gives them back with -inf for what can no
longer be drawn; at least `num_kept` candidates of a row stay. Another one is a function
here and its place in `WARPERS`. Definitions are those of
`transformers.generation.logits_process`, whose class is named with each.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, inf

from inference.sampling_params import SamplingParams

Warper = Callable[[Tensor, SamplingParams, int], Tensor]


def warp(scores: Tensor, sampling: SamplingParams, num_kept: int = 1) -> Tensor:
    """All of them, after the temperature."""
    scores = scores / sampling.temperature
    for warper in WARPERS:
        scores = warper(scores, sampling, num_kept)
    return scores


def keep_top_k(scores: Tensor, sampling: SamplingParams, num_kept: int = 1) -> Tensor:
    """`TopKLogitsWarper`: what ties with the k-th best stays."""
    if not sampling.top_k:
        return scores
    top_k = min(max(sampling.top_k, num_kept), scores.size(1))
    return scores.masked_fill(scores < scores.topk(top_k).values[:, -1:], -inf)


def keep_top_p(scores: Tensor, sampling: SamplingParams, num_kept: int = 1) -> Tensor:
    """`TopPLogitsWarper`: the fewest best whose probabilities reach `top_p`."""
    if sampling.top_p == 1:
        return scores
    ordered, order = scores.sort(dim=-1, stable=True)
    dropped = ordered.softmax(-1).cumsum(-1) <= 1 - sampling.top_p
    dropped[:, -num_kept:] = False
    return scores.masked_fill(_in_place(dropped, order), -inf)


def keep_min_p(scores: Tensor, sampling: SamplingParams, num_kept: int = 1) -> Tensor:
    """`MinPLogitsWarper`: at least `min_p` times as likely as the best."""
    if sampling.min_p == 0:
        return scores
    probabilities = scores.softmax(-1)
    best = probabilities.topk(min(num_kept, scores.size(1)))
    dropped = probabilities < sampling.min_p * best.values[:, :1]
    return scores.masked_fill(dropped.scatter_(1, best.indices, False), -inf)


def keep_typical(scores: Tensor, sampling: SamplingParams, num_kept: int = 1) -> Tensor:
    """`TypicalLogitsWarper`: those nearest to the expected surprise, up to a mass."""
    if sampling.typical_p == 1:
        return scores
    log_probs = scores.log_softmax(-1)
    entropy = -(log_probs * log_probs.exp()).nansum(-1, keepdim=True)
    distances, order = (-log_probs - entropy).abs().sort(dim=-1, stable=True)
    mass = scores.gather(1, order).softmax(-1).cumsum(-1)
    last = (mass < sampling.typical_p).sum(-1, keepdim=True)
    farthest = distances.gather(1, last.clamp_(max=scores.size(1) - 1))
    dropped = distances > farthest
    dropped[:, :num_kept] = False
    return scores.masked_fill(_in_place(dropped, order), -inf)


WARPERS: tuple[Warper, ...] = (keep_top_k, keep_top_p, keep_min_p, keep_typical)


def _in_place(ordered: Tensor, order: Tensor) -> Tensor:
    return ordered.scatter(1, order, ordered)
