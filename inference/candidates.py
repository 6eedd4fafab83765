"""The tokens a choice is drawn from: few of the vocabulary, found without sorting it.

What the parameters leave of a distribution is mostly among its best tokens. Those are
taken out first, and only they are computed with; a row where that was not enough is
done again over the whole vocabulary.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, inf

from inference.sampling_params import SamplingParams
from inference.warpers import WARPERS, Limits, Warper, warp

# How many of the best to take out: the smallest of these that has room for `top_k` and
# for some that tie with the last of them; in bf16 many do.
WIDTHS = (128, 512, 2048)
NUM_TIES = 64
NUM_NUCLEUS = 256
# Beyond this part of the vocabulary, taking the best out costs as much as sorting.
MAX_PART = 8


class Candidates(NamedTuple):
    """`scores`, `[row, candidate]`, and whose they are, in order of token id: `None` is
    the whole vocabulary. `incomplete` rows miss some that may be drawn, too."""

    scores: Tensor
    token_ids: Tensor | None = None
    incomplete: tuple[int, ...] = ()


class Kind(NamedTuple):
    """Rows of one kind are computed together: `width` candidates, or all if that is 0,
    and which of the parameters are on."""

    width: int
    has_top_k: bool
    has_top_p: bool
    has_min_p: bool
    has_typical_p: bool

    @classmethod
    def of(cls, sampling: SamplingParams) -> Kind:
        return cls(
            _width(sampling),
            sampling.top_k > 0,
            sampling.top_p < 1,
            sampling.min_p > 0,
            sampling.typical_p < 1,
        )


def find_candidates(rows: Tensor, limits: Limits, kind: Kind) -> Candidates:
    """What may be drawn from processed logits `[row, vocabulary]` of one kind."""
    if not kind.width or kind.width > rows.size(1) // MAX_PART:
        return whole_vocabulary(rows, limits)
    values, token_ids = rows.topk(kind.width)
    scores = values / limits.temperature
    dropped, later = _cut(scores, token_ids, rows, limits)
    incomplete = (~dropped[:, -1]).nonzero().flatten().tolist()
    # In order of token id, a rounding that swaps two of them moves none of the others.
    token_ids, order = token_ids.sort(-1)
    scores = scores.masked_fill(dropped, -inf).gather(1, order)
    for warper in later:
        scores = warper(scores, limits, 1)
    return Candidates(scores, token_ids, tuple(incomplete))


def whole_vocabulary(rows: Tensor, limits: Limits) -> Candidates:
    """The same without a short cut."""
    return Candidates(warp(rows, limits))


def _width(sampling: SamplingParams) -> int:
    if sampling.top_k:
        wanted = sampling.top_k + NUM_TIES
        return next((width for width in WIDTHS if wanted <= width), 0)
    return NUM_NUCLEUS if sampling.top_p < 1 else 0


def _cut(
    scores: Tensor, token_ids: Tensor, rows: Tensor, limits: Limits
) -> tuple[Tensor, tuple[Warper, ...]]:
    """Which of the best, given in order, are dropped by the first cut, which is known
    from them alone; and the warpers that come after it."""
    if limits.top_k is not None:
        return scores < scores.gather(1, limits.top_k - 1), WARPERS[1:]
    if limits.outside_top_p is not None:
        probabilities = (rows / limits.temperature).softmax(-1).gather(1, token_ids)
        mass_before = probabilities.cumsum(-1) - probabilities
        dropped = mass_before >= 1 - limits.outside_top_p
        # A tiny `top_p` is rounded to nothing, and the best token stays all the same.
        dropped[:, 0] = False
        return dropped, WARPERS[2:]
    return torch.zeros_like(scores, dtype=torch.bool), WARPERS
