"""What changes single scores before a token is chosen, in transformers' order.

Each processor edits a request's row in place and looks at that request alone. Another
one is a function here and its place in `PROCESSORS`. Definitions are those of
`transformers.generation.logits_process`, whose class is named with each, where it has
one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

import torch
from torch import Tensor

from inference.request import Request


def process(row: Tensor, request: Request) -> None:
    """`row` is `[vocabulary]`: logits, or their log-softmax where beams search."""
    for processor in PROCESSORS:
        processor(row, request)


def add_bias(row: Tensor, request: Request) -> None:
    """`SequenceBiasLogitsProcessor`, for sequences of one token."""
    bias = request.sampling.logit_bias
    if bias:
        row[list(bias)] += torch.tensor(list(bias.values()), device=row.device)


def penalize_repetition(row: Tensor, request: Request) -> None:
    """`RepetitionPenaltyLogitsProcessor`; the prompt counts too."""
    penalty = request.sampling.repetition_penalty
    if penalty != 1:
        seen = torch.tensor(sorted(set(request.token_ids)), device=row.device)
        scores = row[seen]
        row[seen] = torch.where(scores < 0, scores * penalty, scores / penalty)


def penalize_what_was_written(row: Tensor, request: Request) -> None:
    """OpenAI's frequency and presence penalties; the prompt does not count. vLLM takes
    them after the repetition penalty, too."""
    sampling = request.sampling
    if not (sampling.frequency_penalty or sampling.presence_penalty):
        return
    counts = Counter(request.token_ids[request.num_prompt_tokens :])
    penalties = [
        count * sampling.frequency_penalty + sampling.presence_penalty
        for count in counts.values()
    ]
    if counts:
        row[list(counts)] -= torch.tensor(penalties, device=row.device)


def forbid_repeated_ngrams(row: Tensor, request: Request) -> None:
    """`NoRepeatNGramLogitsProcessor`; the prompt counts too."""
    size, token_ids = request.sampling.no_repeat_ngram_size, request.token_ids
    if size and len(token_ids) >= size:
        last = token_ids[len(token_ids) - size + 1 :]
        starts = range(len(token_ids) - size + 1)
        followers = {
            token_ids[start + size - 1]
            for start in starts
            if token_ids[start : start + size - 1] == last
        }
        _forbid(row, followers)


def forbid_bad_words(row: Tensor, request: Request) -> None:
    """`NoBadWordsLogitsProcessor`: the last token of a word whose others stand there.
    A token that ends the completion is not taken for a word."""
    _forbid(
        row,
        [
            last
            for *others, last in request.sampling.bad_words_ids
            if _ends_with(request.token_ids, others)
            and (others or last not in request.end_token_ids)
        ],
    )


def forbid_early_end(row: Tensor, request: Request) -> None:
    """`MinNewTokensLengthLogitsProcessor`."""
    if request.num_completion_tokens < request.sampling.min_new_tokens:
        _forbid(row, request.end_token_ids)


PROCESSORS = (
    add_bias,
    penalize_repetition,
    penalize_what_was_written,
    forbid_repeated_ngrams,
    forbid_bad_words,
    forbid_early_end,
)


def _forbid(row: Tensor, token_ids: Collection[int]) -> None:
    if token_ids:
        row[list(token_ids)] = -torch.inf


def _ends_with(token_ids: list[int], others: list[int]) -> bool:
    return not others or token_ids[-len(others) :] == others
