"""Beam search and beam sampling, step by step as transformers' `generate` does them.

The beams of a request are requests themselves, each with a slot, and run in the same
steps as all others. After a step the best continuations go on: the first of a beam
stays in its slot, others take slots whose beams have ended, and only the positions
that differ are copied there. Where they are many the search waits some steps for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from inference.kv_cache import SlotCopy
from inference.logits import process
from inference.logprobs import describe
from inference.messages import FinishReason, GeneratedSequence, TokenLogprob
from inference.request import Request, TextStream
from inference.sampler import uniform
from inference.sampling_params import BeamParams
from inference.warpers import Limits, warp

# The score of a beam that is none; transformers' number.
NO_SCORE = -1.0e9


@dataclass(slots=True)
class Hypothesis:
    """One beam: prompt and completion so far, and the request that runs it. It is spent
    when it goes on past its end, because nothing else was left."""

    runner: Request
    token_ids: list[int]
    stream: TextStream
    text: str = ""
    logprobs: list[TokenLogprob] = field(default_factory=list)
    finish_reason: FinishReason | None = None
    is_spent: bool = False

    @property
    def num_tokens(self) -> int:
        return len(self.token_ids) - self.runner.num_prompt_tokens

    def extend(self, token_id: int) -> Hypothesis:
        longer = Hypothesis(
            self.runner,
            [*self.token_ids, token_id],
            self.stream.fork(),
            self.text,
            self.logprobs,
            self.finish_reason,
            is_spent=self.finish_reason is not None,
        )
        if longer.finish_reason is None:
            longer._take(token_id)
        return longer

    def _take(self, token_id: int) -> None:
        ends = token_id in self.runner.end_token_ids
        if not ends:
            self.text += self.stream.push(token_id)
        if ends or self.stream.stop_sequence is not None:
            self.finish_reason = "stop"
        elif self.num_tokens >= self.runner.sampling.max_new_tokens:
            self.finish_reason = "length"


class Candidates(NamedTuple):
    """The best, or drawn, continuations of all beams: one of each for each."""

    scores: Tensor
    parents: list[int]
    token_ids: list[int]


class BeamSearch:
    """The search of one request; `is_done` says when `sequences` are final."""

    def __init__(self, request: Request, params: BeamParams) -> None:
        self.request, self.params = request, params
        self.is_done = False
        self._beams = [
            Hypothesis(beam, request.token_ids, request.text.fork())
            for beam in request.beams
        ]
        self._scores = torch.full((params.num_beams,), NO_SCORE)
        self._scores[0] = 0.0
        self._finished: list[tuple[float, Hypothesis]] = []
        self._copies: list[SlotCopy] = []

    @property
    def sequences(self) -> list[GeneratedSequence]:
        """The best that have ended, best first."""
        best = self._finished[: self.params.num_sequences]
        return [_sequence(hypothesis, score) for score, hypothesis in best]

    def take_copies(self, max_positions: int) -> list[SlotCopy]:
        """What has to be copied before the next step, or some of it: the beams run
        when their slots have it all."""
        return self._share_prompt(max_positions) or self._take_pending(max_positions)

    def _take_pending(self, left: int) -> list[SlotCopy]:
        taken = []
        while self._copies and left > 0:
            part, self._copies[0] = self._copies[0].split(left)
            left -= part.num_positions
            taken.append(part)
            if not self._copies[0].num_positions:
                del self._copies[0]
        self.request.lacks_copies = bool(self._copies)
        return taken

    def _share_prompt(self, max_positions: int) -> list[SlotCopy]:
        """Of the prompt that the first beam reads."""
        first, *others = self.request.beams
        ready = min(first.num_computed_tokens, first.num_prompt_tokens)
        copies = []
        for other in others:
            start = other.num_computed_tokens
            stop = min(ready, start + max(max_positions // len(others), 1))
            if start < stop:
                copies.append(SlotCopy(first.slot, other.slot, start, stop))
                other.num_computed_tokens, other.started_at = stop, first.started_at
        return copies

    @torch.inference_mode()
    def advance(self, logits: Tensor, runners: Sequence[Request]) -> None:
        """One token more for every beam, from the rows of the requests that run them;
        after the prompt there is one row for all."""
        log_probs = logits.log_softmax(-1)
        if len(runners) == len(self._beams):
            log_probs = log_probs[[runners.index(beam.runner) for beam in self._beams]]
        candidates = self._find_candidates(log_probs)
        longer = [
            self._beams[parent].extend(token_id)
            for parent, token_id in zip(
                candidates.parents, candidates.token_ids, strict=True
            )
        ]
        self._note_logprobs(longer, candidates, log_probs)
        self._note_finished(longer, candidates.scores)
        self._keep_running(longer, candidates.scores)
        self.is_done = self._has_ended(longer)
        if not self.is_done:
            self._take_slots()

    def _find_candidates(self, log_probs: Tensor) -> Candidates:
        sampling = self.request.sampling
        scores = log_probs.clone()
        for row, beam in zip(scores, self._beams, strict=False):
            process(row, beam.runner)
        num_ends = max(len(self.request.end_token_ids), 1)
        if not sampling.is_greedy:
            limits = Limits.of([sampling], scores.device)
            scores = warp(scores, limits, num_ends + 1)
        totals = (scores + self._scores[:, None].to(scores)).flatten()
        wanted = min((num_ends + 1) * self.params.num_beams, len(totals))
        found = (
            totals.topk(wanted).indices
            if sampling.is_greedy
            else self._draw(totals, wanted)
        )
        vocab_size = log_probs.size(1)
        return Candidates(
            totals[found],
            (found // vocab_size).tolist(),
            (found % vocab_size).tolist(),
        )

    def _draw(self, totals: Tensor, wanted: int) -> Tensor:
        """What is so unlikely that its probability is zero comes last, best first."""
        seed, index = self.request.sampling.seed, self._beams[0].num_tokens
        drawn = draw_distinct(totals.softmax(-1), wanted, seed=seed, index=index)
        rest = totals.index_fill(0, drawn, -torch.inf).topk(wanted - len(drawn))
        return torch.cat((drawn, rest.indices))

    def _note_logprobs(
        self, longer: list[Hypothesis], candidates: Candidates, log_probs: Tensor
    ) -> None:
        wanted = self.request.sampling.logprobs
        if wanted is None:
            return
        rows = log_probs.expand(len(self._beams), -1)[candidates.parents]
        described = describe(rows, candidates.token_ids, wanted)
        for hypothesis, one in zip(longer, described, strict=True):
            hypothesis.logprobs = [*hypothesis.logprobs, one]

    def _note_finished(self, longer: list[Hypothesis], scores: Tensor) -> None:
        """Only the first `num_beams` candidates may end; the others are in reserve."""
        length = longer[0].num_tokens
        finals = (scores / length**self.params.length_penalty).tolist()
        first = list(zip(finals, longer, strict=True))[: self.params.num_beams]
        self._finished += [
            (final, one)
            for final, one in first
            if one.finish_reason and not one.is_spent
        ]
        self._finished.sort(key=lambda one: -one[0])
        del self._finished[self.params.num_beams :]

    def _keep_running(self, longer: list[Hypothesis], scores: Tensor) -> None:
        ended = [one.finish_reason is not None for one in longer]
        scores = scores + torch.tensor(ended).to(scores) * NO_SCORE
        kept = scores.topk(self.params.num_beams)
        self._scores = kept.values
        self._beams = [longer[number] for number in kept.indices.tolist()]

    def _has_ended(self, longer: list[Hypothesis]) -> bool:
        is_full = len(self._finished) == self.params.num_beams
        if all(one.finish_reason for one in longer):
            return True
        if is_full and self.params.early_stopping is True:
            return True
        worst = self._finished[-1][0] if is_full else NO_SCORE
        return self._best_in_sight() <= worst

    def _best_in_sight(self) -> float:
        """`_check_early_stop_heuristic`: what the best beam could still come to."""
        penalty = self.params.length_penalty
        length = self._beams[0].num_tokens
        if self.params.early_stopping is None and penalty > 0:
            length = self.request.sampling.max_new_tokens
        return float(self._scores[0] / length**penalty)

    def _take_slots(self) -> None:
        """Give each beam a request to run it, its parent's where that is still free."""
        parents = {id(beam.runner) for beam in self._beams}
        free = [one for one in self.request.beams if id(one) not in parents]
        for beam in self._beams:
            if id(beam.runner) in parents:
                parents.remove(id(beam.runner))
            else:
                target = free.pop(0)
                self._copies.append(_copy_difference(beam.runner, target))
                beam.runner = target
        for beam in self._beams:
            beam.runner.token_ids = beam.token_ids


def draw_distinct(
    probabilities: Tensor, wanted: int, *, seed: int, index: int
) -> Tensor:
    """Without replacement, in the order drawn; fewer if no more are possible. The n-th
    draw of the index-th token has a number of its own."""
    likely = probabilities.nonzero().flatten()
    weights = probabilities[likely].double()
    hits = []
    for draw in range(min(wanted, len(likely))):
        ends = weights.cumsum(0)
        point = ends[-1:] * uniform(seed, index, draw)
        hit = torch.searchsorted(ends, point, right=True).clamp_(max=len(ends) - 1)
        weights[hit] = 0
        hits.append(hit)
    return likely[torch.cat(hits)] if hits else likely


def _copy_difference(source: Request, target: Request) -> SlotCopy:
    """Both have computed the same number of tokens, and the first of them alike."""
    stop = source.num_computed_tokens
    first = target.num_prompt_tokens
    while first < stop and source.token_ids[first] == target.token_ids[first]:
        first += 1
    return SlotCopy(source.slot, target.slot, first, stop)


def _sequence(hypothesis: Hypothesis, score: float) -> GeneratedSequence:
    return GeneratedSequence(
        token_ids=hypothesis.token_ids[hypothesis.runner.num_prompt_tokens :],
        text=hypothesis.text + hypothesis.stream.fork().flush(),
        finish_reason=hypothesis.finish_reason or "length",
        score=score,
        stop_sequence=hypothesis.stream.stop_sequence,
        logprobs=hypothesis.logprobs,
    )
