"""Follows the token events of one call and adds them up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from models_app.backends.base import (
    GeneratedSequence,
    Spell,
    TokenEvent,
    TokenLogprob,
)
from models_app.parameters import GenerationParameters
from models_app.predictions import Finished, TextDelta, Timings, Usage, in_one_piece
from models_app.prompts import Prompt
from models_app.token_details import DIGITS, DetailWriter

Timer = Callable[[], float]


@dataclass(slots=True)
class GenerationRun:
    """What one generation has brought so far.

    That is one completion as it grows, or with beams all `num_sequences` of its prompt
    at the end. `index` counts the call's completions; the first of it is this one's.
    """

    prompt: Prompt
    prompt_index: int
    sequence_index: int
    index: int
    seed: int
    details: DetailWriter
    num_sequences: int = 1
    parts: list[str] = field(default_factory=list)
    token_ids: list[int] = field(default_factory=list)
    logprobs: list[TokenLogprob] = field(default_factory=list)
    prompt_logprobs: list[TokenLogprob | None] = field(default_factory=list)
    num_hidden_tokens: int = 0
    queue_seconds: float | None = None
    finished: list[Finished] = field(default_factory=list)

    @property
    def has_begun(self) -> bool:
        """Whether the engine has spent any work on it."""
        return self.queue_seconds is not None or self.computed_tokens > 0

    @property
    def computed_tokens(self) -> int:
        """New tokens that the engine had to compute, shown or not."""
        return len(self.token_ids) + self.num_hidden_tokens

    @property
    def completion_tokens(self) -> int:
        """New tokens that the caller gets to see."""
        if self.token_ids:
            return len(self.token_ids)
        return sum(one.usage.completion_tokens for one in self.finished)

    def take(self, event: TokenEvent) -> Iterator[TextDelta | Finished]:
        self._count(event)
        if event.text or (event.token_ids and self.details.is_wanted_in_deltas):
            yield self._delta(event)
        for offset, sequence in enumerate(event.sequences):
            score = round(sequence.score, DIGITS)
            yield from in_one_piece(self._finish(offset, sequence, score=score))
        if event.finish_reason is not None and not event.sequences:
            for offset in range(self.num_sequences):
                yield self._finish(offset, self._sequence_of(event))

    def _count(self, event: TokenEvent) -> None:
        self.parts.append(event.text)
        self.token_ids += event.token_ids
        self.logprobs += event.logprobs
        self.num_hidden_tokens += event.num_hidden_tokens
        self.prompt_logprobs = self.prompt_logprobs or event.prompt_logprobs
        if event.queue_seconds is not None:
            self.queue_seconds = event.queue_seconds

    def _delta(self, event: TokenEvent) -> TextDelta:
        return TextDelta(
            index=self.index,
            text=event.text,
            token_count=len(self.token_ids),
            is_last=event.finish_reason is not None,
            token_ids=self.details.token_ids(event.token_ids),
            logprobs=self.details.logprobs(event.logprobs),
            prompt_logprobs=self.details.prompt_logprobs(event.prompt_logprobs)
            if event.prompt_logprobs
            else None,
        )

    def _sequence_of(self, event: TokenEvent) -> GeneratedSequence:
        return GeneratedSequence(
            token_ids=self.token_ids,
            text="".join(self.parts),
            finish_reason=event.finish_reason or "error",
            stop_sequence=event.stop_sequence,
            logprobs=self.logprobs,
            score=0,
        )

    def _finish(
        self, offset: int, sequence: GeneratedSequence, *, score: float | None = None
    ) -> Finished:
        is_first = self.sequence_index + offset == 0
        finished = Finished(
            index=self.index + offset,
            prompt_index=self.prompt_index,
            sequence_index=self.sequence_index + offset,
            prompt=self.prompt.text,
            text=sequence.text,
            finish_reason=sequence.finish_reason,
            stop_sequence=sequence.stop_sequence,
            seed=self.seed,
            usage=Usage(
                prompt_tokens=len(self.prompt.token_ids),
                completion_tokens=len(sequence.token_ids),
            ),
            score=score,
            token_ids=self.details.token_ids(sequence.token_ids),
            logprobs=self.details.logprobs(sequence.logprobs),
            prompt_logprobs=self.details.prompt_logprobs(self.prompt_logprobs)
            if is_first
            else None,
        )
        self.finished.append(finished)
        return finished


class PredictionRun:
    """All generations of one call, with its clock."""

    def __init__(
        self,
        prompts: list[Prompt],
        parameters: GenerationParameters,
        spell: Spell,
        *,
        timer: Timer = time.perf_counter,
    ) -> None:
        self.prompts = prompts
        details = DetailWriter(parameters, spell)
        self.generations = list(_generation_runs(prompts, parameters, details))
        self._timer = timer
        self._started_at = timer()
        self._first_token_at: float | None = None

    def take(
        self, generation: int, event: TokenEvent
    ) -> Iterator[TextDelta | Finished]:
        if self._first_token_at is None and (
            event.token_ids or event.num_hidden_tokens
        ):
            self._first_token_at = self._timer()
        return self.generations[generation].take(event)

    @property
    def completions(self) -> list[Finished]:
        return [one for run in self.generations for one in run.finished]

    @property
    def usage(self) -> Usage:
        """The sequences of a prompt share its tokens, so they count once."""
        return Usage(
            prompt_tokens=sum(len(prompt.token_ids) for prompt in self.prompts),
            completion_tokens=sum(run.completion_tokens for run in self.generations),
        )

    @property
    def charged_tokens(self) -> int:
        """Each prompt that was begun, and all that was computed after them."""
        begun = {run.prompt_index for run in self.generations if run.has_begun}
        return sum(len(self.prompts[index].token_ids) for index in begun) + sum(
            run.computed_tokens for run in self.generations
        )

    @property
    def finish_reason(self) -> str:
        """The one that all completions share, or empty."""
        if not all(run.finished for run in self.generations):
            return ""
        reasons = {one.finish_reason for one in self.completions}
        return reasons.pop() if len(reasons) == 1 else ""

    @property
    def is_whole(self) -> bool:
        """Whether every completion came to an end of its own."""
        return all(run.finished for run in self.generations) and all(
            one.finish_reason != "abort" for one in self.completions
        )

    def timings(self) -> Timings:
        waits = [run.queue_seconds for run in self.generations]
        known = [wait for wait in waits if wait is not None]
        first = self._first_token_at
        return Timings(
            queue_ms=_milliseconds(max(known)) if known else None,
            ttft_ms=None if first is None else _milliseconds(first - self._started_at),
            duration_ms=_milliseconds(self._timer() - self._started_at),
        )


def _generation_runs(
    prompts: list[Prompt], parameters: GenerationParameters, details: DetailWriter
) -> Iterator[GenerationRun]:
    """One for each sequence of each prompt; beams find theirs in one generation."""
    sequences = parameters.num_return_sequences
    at_once = sequences if parameters.has_beams else 1
    for number in range(len(prompts) * sequences // at_once):
        prompt_index, sequence_index = divmod(number * at_once, sequences)
        yield GenerationRun(
            prompt=prompts[prompt_index],
            prompt_index=prompt_index,
            sequence_index=sequence_index,
            index=number * at_once,
            seed=parameters.seed_of(number),
            details=details,
            num_sequences=at_once,
        )


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
