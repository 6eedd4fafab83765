"""Logits to tokens. The choice for a request depends on its own row and seed alone.

Requests that want the same distribution are drawn together, row by row with the same
bits as alone. Top-k comes cheap: the k candidates are found first and only they are
computed with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from inference.candidates import Candidates, find_candidates, whole_vocabulary
from inference.logits import process
from inference.request import Request
from inference.sampling_params import SamplingParams

# Probabilities are added up in runs of this length, then within the one drawn.
RUN_LENGTH = 256


@torch.inference_mode()
def sample(logits: Tensor, requests: Sequence[Request]) -> list[int]:
    """One token id for each request, whose logits are the row of the same number.

    The rows are processed in place.
    """
    for row, request in zip(logits, requests, strict=True):
        process(row, request)
    chosen = [0] * len(requests)
    for sampling, numbers in _groups(requests):
        rows = logits if len(numbers) == len(requests) else logits[numbers]
        group = [requests[number] for number in numbers]
        token_ids = _best(rows) if sampling.is_greedy else _draw(rows, group)
        for number, token_id in zip(numbers, token_ids, strict=True):
            chosen[number] = token_id
    return chosen


def processed_probabilities(row: Tensor, request: Request) -> Tensor:
    """The distribution the next token is drawn from, over the whole vocabulary."""
    row = row.clone()
    process(row, request)
    found = find_candidates(row[None], request.sampling)
    if found.incomplete:
        found = whole_vocabulary(row[None], request.sampling)
    probabilities = found.scores.softmax(-1)
    if found.token_ids is None:
        return probabilities[0]
    return torch.zeros_like(row).scatter(0, found.token_ids[0], probabilities[0])


def uniform(seed: int, index: int, draw: int = 0) -> float:
    """A number in [0, 1) for the index-th token of a request: the same on any machine,
    in any company and after a resume, because nothing else goes into it. `draw` tells
    apart the numbers of one step of beams."""
    key = seed.to_bytes(8, "little") + index.to_bytes(8, "little")
    if draw:
        key += draw.to_bytes(8, "little")
    digest = hashlib.blake2b(key, digest_size=8).digest()
    return (int.from_bytes(digest, "little") >> 11) / 2**53


def _groups(requests: Sequence[Request]) -> list[tuple[SamplingParams, list[int]]]:
    groups: dict[tuple[float, ...], list[int]] = {}
    for number, request in enumerate(requests):
        groups.setdefault(_shape(request.sampling), []).append(number)
    return [(requests[group[0]].sampling, group) for group in groups.values()]


def _shape(sampling: SamplingParams) -> tuple[float, ...]:
    """What the distribution depends on besides the row."""
    if sampling.is_greedy:
        return ()
    return (
        sampling.temperature,
        sampling.top_k,
        sampling.top_p,
        sampling.min_p,
        sampling.typical_p,
    )


def _best(rows: Tensor) -> list[int]:
    token_ids: list[int] = rows.argmax(-1).tolist()
    return token_ids


def _draw(rows: Tensor, requests: Sequence[Request]) -> list[int]:
    sampling = requests[0].sampling
    found = find_candidates(rows, sampling)
    chosen = _pick(found, requests)
    for row in found.incomplete:
        whole = whole_vocabulary(rows[row : row + 1], sampling)
        chosen[row : row + 1] = _pick(whole, requests[row : row + 1])
    return chosen


def _pick(candidates: Candidates, requests: Sequence[Request]) -> list[int]:
    """Where a request's number falls when the probabilities lie side by side."""
    scores, token_ids, _ = candidates
    numbers = [uniform(r.sampling.seed, r.num_completion_tokens) for r in requests]
    drawn = torch.tensor(numbers, dtype=torch.double, device=scores.device)[:, None]
    padding = -scores.size(1) % RUN_LENGTH
    runs = F.pad(scores.softmax(-1), (0, padding)).unflatten(1, (-1, RUN_LENGTH))
    run, drawn = _fall(runs.sum(-1, dtype=torch.double), drawn)
    place, _ = _fall(runs.take_along_dim(run[:, :, None], 1)[:, 0].double(), drawn)
    found = (run * RUN_LENGTH + place).clamp_(max=scores.size(1) - 1)
    if token_ids is not None:
        found = token_ids.gather(1, found)
    chosen: list[int] = found.flatten().tolist()
    return chosen


def _fall(lengths: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
    """Into which of the lengths a number in [0, 1) falls, and where within it. One of
    length zero is never hit, whatever is rounded."""
    ends = lengths.cumsum(-1)
    points = ends[:, -1:] * numbers
    hit = torch.searchsorted(ends, points, right=True).clamp_(max=lengths.size(1) - 1)
    length = lengths.gather(1, hit)
    within = (points - ends.gather(1, hit) + length) / length
    return hit, within.clamp_(0, 1 - 2**-53)
