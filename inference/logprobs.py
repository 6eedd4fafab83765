"""How likely the model itself found the tokens, before any parameter has its say."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from inference.messages import TokenLogprob
from inference.request import Request
from inference.scheduler import ScheduledRequest


def describe(
    log_probs: Tensor, token_ids: Sequence[int], num_alternatives: int
) -> list[TokenLogprob]:
    """One for each row of `log_probs`, `[row, vocabulary]`, and its token."""
    chosen = log_probs.gather(
        1, torch.tensor(token_ids, device=log_probs.device)[:, None]
    )
    ranks = (log_probs > chosen).sum(-1) + 1
    best = log_probs.topk(min(num_alternatives, log_probs.size(1)))
    columns = (chosen[:, 0], ranks, best.indices, best.values)
    return [
        TokenLogprob(token_id, logprob, rank, list(zip(ids, values, strict=True)))
        for token_id, logprob, rank, ids, values in zip(
            token_ids, *(column.tolist() for column in columns), strict=True
        )
    ]


class ChosenLogprobs:
    """Keeps the rows of the requests that ask, until their tokens are chosen."""

    def __init__(self, logits: Tensor, requests: Sequence[Request]) -> None:
        self._rows = {
            request.request_id: logits[number : number + 1].log_softmax(-1)
            for number, request in enumerate(requests)
            if request.sampling.logprobs is not None
        }

    def of(self, request: Request, token_id: int) -> list[TokenLogprob]:
        row = self._rows.get(request.request_id)
        if row is None:
            return []
        return describe(row, [token_id], request.sampling.logprobs or 0)


def take_prompt_rows(scheduled: Sequence[ScheduledRequest], logits: Tensor) -> Tensor:
    """Note what the prompts' rows say at their requests; return one row for each
    request that samples."""
    if all(item.num_logits == item.samples for item in scheduled):
        return logits
    parts = logits.split([item.num_logits for item in scheduled])
    for item, rows in zip(scheduled, parts, strict=True):
        if item.request.is_reading_prompt_logprobs:
            _note_prompt(item, rows)
    last = [i.num_logits for i in scheduled]
    ends = torch.tensor(last).cumsum(0) - 1
    return logits[ends[[item.samples for item in scheduled]]]


def _note_prompt(item: ScheduledRequest, rows: Tensor) -> None:
    """A row speaks of the token after its own; the last one's is not in the prompt."""
    request, first = item.request, item.request.num_computed_tokens + 1
    token_ids = request.token_ids[first : first + item.num_tokens]
    token_ids = token_ids[: request.num_prompt_tokens - first]
    request.prompt_logprobs += describe(
        rows[: len(token_ids)].log_softmax(-1),
        token_ids,
        request.sampling.prompt_logprobs or 0,
    )
