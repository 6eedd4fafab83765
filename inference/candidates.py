"""The tokens a choice is drawn from: few of the vocabulary, found without sorting it.

What the parameters leave of a distribution is mostly among its best tokens. Those are
taken out first, and only they are computed with; a row where that was not enough is
done again over the whole vocabulary.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, inf

from inference.sampling_params import SamplingParams
from inference.warpers import WARPERS, warp

# Room beyond the k best for those that tie with the last of them; in bf16 many do.
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


def find_candidates(rows: Tensor, sampling: SamplingParams) -> Candidates:
    """What may be drawn from processed logits `[row, vocabulary]`."""
    if sampling.top_k and sampling.top_k + NUM_TIES <= rows.size(1) // MAX_PART:
        found, later = _find_top_k(rows, sampling), WARPERS[1:]
    elif not sampling.top_k and sampling.top_p < 1 and rows.size(1) > NUM_NUCLEUS:
        found, later = _find_top_p(rows, sampling), WARPERS[2:]
    else:
        return whole_vocabulary(rows, sampling)
    scores = found.scores
    for warper in later:
        scores = warper(scores, sampling, 1)
    return found._replace(scores=scores)


def whole_vocabulary(rows: Tensor, sampling: SamplingParams) -> Candidates:
    """The same without a short cut."""
    return Candidates(warp(rows, sampling))


def _find_top_k(rows: Tensor, sampling: SamplingParams) -> Candidates:
    values, token_ids = rows.topk(sampling.top_k + NUM_TIES)
    scores = values / sampling.temperature
    dropped = scores < scores[:, sampling.top_k - 1 : sampling.top_k]
    return _in_order(scores, token_ids, dropped)


def _find_top_p(rows: Tensor, sampling: SamplingParams) -> Candidates:
    values, token_ids = rows.topk(NUM_NUCLEUS)
    scores = values / sampling.temperature
    total = (rows / sampling.temperature).logsumexp(-1, keepdim=True)
    probabilities = (scores - total).exp()
    dropped = probabilities.cumsum(-1) - probabilities >= sampling.top_p
    return _in_order(scores, token_ids, dropped)


def _in_order(scores: Tensor, token_ids: Tensor, dropped: Tensor) -> Candidates:
    """From best first to order of token id, in which a rounding moves no candidate."""
    token_ids, order = token_ids.sort(-1)
    incomplete = (~dropped[:, -1]).nonzero().flatten().tolist()
    scores = scores.masked_fill(dropped, -inf).gather(1, order)
    return Candidates(scores, token_ids, tuple(incomplete))
