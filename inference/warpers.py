"""What narrows a distribution before it is drawn from, in transformers' order.

A warper takes scores `[row, candidate]` and gives them back with -inf for what can no
longer be drawn; at least `num_kept` candidates of a row stay. Another one is a function
here and its place in `WARPERS`. Definitions are those of
`transformers.generation.logits_process`, whose class is named with each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, inf

from inference.sampling_params import SamplingParams


class Limits(NamedTuple):
    """What the rows ask for, one number for each, `[row, 1]`; `None` where all of them
    leave it off. `outside_top_p` is what `top_p` leaves out."""

    temperature: Tensor
    top_k: Tensor | None
    outside_top_p: Tensor | None
    min_p: Tensor | None
    typical_p: Tensor | None

    @classmethod
    def of(cls, samplings: Sequence[SamplingParams], device: torch.device) -> Limits:
        """They must agree in what is off."""

        def column(values: list[float], *, is_on: bool) -> Tensor | None:
            return torch.tensor(values, device=device)[:, None] if is_on else None

        first = samplings[0]
        temperature = torch.tensor([s.temperature for s in samplings], device=device)
        return cls(
            temperature[:, None],
            column([s.top_k for s in samplings], is_on=first.top_k > 0),
            column([1 - s.top_p for s in samplings], is_on=first.top_p < 1),
            column([s.min_p for s in samplings], is_on=first.min_p > 0),
            column([s.typical_p for s in samplings], is_on=first.typical_p < 1),
        )


Warper = Callable[[Tensor, Limits, int], Tensor]


def warp(scores: Tensor, limits: Limits, num_kept: int = 1) -> Tensor:
    """All of them, after the temperature."""
    scores = scores / limits.temperature
    for warper in WARPERS:
        scores = warper(scores, limits, num_kept)
    return scores


def keep_top_k(scores: Tensor, limits: Limits, num_kept: int) -> Tensor:
    """`TopKLogitsWarper`: what ties with the k-th best stays."""
    if limits.top_k is None:
        return scores
    top_k = limits.top_k.clamp(num_kept, scores.size(1)).expand(len(scores), 1)
    best = scores.topk(int(top_k.max())).values
    return scores.masked_fill(scores < best.gather(1, top_k - 1), -inf)


def keep_top_p(scores: Tensor, limits: Limits, num_kept: int) -> Tensor:
    """`TopPLogitsWarper`: the fewest best whose probabilities reach `top_p`."""
    if limits.outside_top_p is None:
        return scores
    ordered = sort_values(scores)
    mass = ordered.softmax(-1).cumsum(-1)
    # Both are in order, so what lies below something is found without a look at all.
    outside = limits.outside_top_p.expand(len(scores), 1).contiguous()
    num_dropped = torch.searchsorted(mass, outside, right=True)
    num_dropped.clamp_(max=max(scores.size(1) - num_kept, 0))
    worst_kept = ordered.gather(1, num_dropped)
    num_ties_dropped = num_dropped - torch.searchsorted(ordered, worst_kept)
    dropped = scores < worst_kept
    if num_ties_dropped.any():
        ties = scores == worst_kept
        dropped |= ties & (ties.cumsum(-1) <= num_ties_dropped)
    return scores.masked_fill(dropped, -inf)


def keep_min_p(scores: Tensor, limits: Limits, num_kept: int) -> Tensor:
    """`MinPLogitsWarper`: at least `min_p` times as likely as the best."""
    if limits.min_p is None:
        return scores
    probabilities = scores.softmax(-1)
    best = probabilities.topk(min(num_kept, scores.size(1)))
    dropped = probabilities < limits.min_p * best.values[:, :1]
    return scores.masked_fill(dropped.scatter_(1, best.indices, False), -inf)


def keep_typical(scores: Tensor, limits: Limits, num_kept: int) -> Tensor:
    """`TypicalLogitsWarper`: those nearest to the expected surprise, up to a mass."""
    if limits.typical_p is None:
        return scores
    log_probs = scores.log_softmax(-1)
    # A plain sum of one row may be split between threads, one of many is not.
    surprises = (-log_probs * scores.softmax(-1)).nan_to_num_(0.0)
    entropy = surprises.cumsum(-1)[:, -1:]
    distances, order = (-log_probs - entropy).abs().sort(dim=-1, stable=True)
    mass = scores.gather(1, order).softmax(-1).cumsum(-1)
    last = (mass < limits.typical_p).sum(-1, keepdim=True)
    farthest = distances.gather(1, last.clamp_(max=scores.size(1) - 1))
    dropped = distances > farthest
    dropped[:, :num_kept] = False
    return scores.masked_fill(dropped.scatter(1, order, dropped), -inf)


WARPERS: tuple[Warper, ...] = (keep_top_k, keep_top_p, keep_min_p, keep_typical)


def sort_values(scores: Tensor) -> Tensor:
    """From worst to best; numpy sorts rows ten times as fast as torch does on a CPU."""
    if scores.device.type != "cpu":
        return scores.sort(-1).values
    return torch.from_numpy(np.sort(scores.numpy(), axis=-1))
