"""Logits to tokens. The choice for a request depends on its own row and seed alone.

Requests of one kind are drawn together, row by row with the same bits as alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from inference.candidates import (
    Candidates,
    Kind,
    find_candidates,
    whole_vocabulary,
)
from inference.kernels.greedy import find_first_largest
from inference.logits import process
from inference.request import Request
from inference.warpers import Limits

# Probabilities are added up in runs of this length, then within the one found.
RUN_LENGTH = 256


@torch.inference_mode()
def sample(logits: Tensor, requests: Sequence[Request]) -> list[int]:
    """One token id for each request, whose logits are the row of the same number.

    The rows are processed in place.
    """
    for row, request in zip(logits, requests, strict=True):
        process(row, request)
    chosen = [0] * len(requests)
    for kind, numbers in _groups(requests).items():
        rows = logits if len(numbers) == len(requests) else logits[numbers]
        group = [requests[number] for number in numbers]
        token_ids = _best(rows) if kind is None else _draw(rows, group, kind)
        for number, token_id in zip(numbers, token_ids, strict=True):
            chosen[number] = token_id
    return chosen


def processed_probabilities(row: Tensor, request: Request) -> Tensor:
    """The distribution the next token is drawn from, over the whole vocabulary."""
    row = row.clone()
    process(row, request)
    limits = Limits.of([request.sampling], row.device)
    found = find_candidates(row[None], limits, Kind.of(request.sampling))
    if found.incomplete:
        found = whole_vocabulary(row[None], limits)
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


def _groups(requests: Sequence[Request]) -> dict[Kind | None, list[int]]:
    """Who is chosen for together; `None` are the greedy ones."""
    groups: dict[Kind | None, list[int]] = {}
    for number, request in enumerate(requests):
        sampling = request.sampling
        kind = None if sampling.is_greedy else Kind.of(sampling)
        groups.setdefault(kind, []).append(number)
    return groups


def _best(rows: Tensor) -> list[int]:
    if rows.device.type != "cpu":
        chosen: list[int] = rows.argmax(-1).tolist()
        return chosen
    token_ids = torch.empty(len(rows), dtype=torch.long)
    find_first_largest(rows, token_ids)
    chosen = token_ids.tolist()
    return chosen


def _draw(rows: Tensor, requests: Sequence[Request], kind: Kind) -> list[int]:
    samplings = [request.sampling for request in requests]
    found = find_candidates(rows, Limits.of(samplings, rows.device), kind)
    chosen = _pick(found, requests)
    if found.incomplete:
        numbers = list(found.incomplete)
        rest = rows if len(numbers) == len(rows) else rows[numbers]
        limits = Limits.of([samplings[number] for number in numbers], rows.device)
        whole = whole_vocabulary(rest, limits)
        again = _pick(whole, [requests[number] for number in numbers])
        for number, token_id in zip(numbers, again, strict=True):
            chosen[number] = token_id
    return chosen


def _pick(candidates: Candidates, requests: Sequence[Request]) -> list[int]:
    """Where a request's number falls when the probabilities lie side by side."""
    scores, token_ids, _ = candidates
    numbers = [uniform(r.sampling.seed, r.num_completion_tokens) for r in requests]
    drawn = torch.tensor(numbers, dtype=torch.double, device=scores.device)[:, None]
    probabilities = scores.softmax(-1)
    run, drawn = _fall(_run_lengths(probabilities), drawn)
    places = run * RUN_LENGTH + torch.arange(RUN_LENGTH, device=scores.device)
    last = scores.size(1) - 1
    lengths = probabilities.gather(1, places.clamp(max=last)).double()
    place, _ = _fall(lengths.masked_fill_(places > last, 0), drawn)
    found = places.gather(1, place).clamp_(max=last)
    if token_ids is not None:
        found = token_ids.gather(1, found)
    chosen: list[int] = found.flatten().tolist()
    return chosen


def _run_lengths(probabilities: Tensor) -> Tensor:
    """What each run adds up to; the last one may be short."""
    whole = probabilities.size(1) // RUN_LENGTH * RUN_LENGTH
    runs = probabilities[:, :whole].unflatten(1, (-1, RUN_LENGTH)).sum(-1)
    rest = probabilities[:, whole:].sum(-1, keepdim=True)
    return torch.cat((runs, rest), 1).double()


def _fall(lengths: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
    """Into which of the lengths a number in [0, 1) falls, and where within it. One of
    length zero is never hit, whatever is rounded."""
    ends = lengths.cumsum(-1)
    points = ends[:, -1:] * numbers
    hit = torch.searchsorted(ends, points, right=True).clamp_(max=lengths.size(1) - 1)
    length = lengths.gather(1, hit)
    within = (points - ends.gather(1, hit) + length) / length
    return hit, within.clamp_(0, 1 - 2**-53)
