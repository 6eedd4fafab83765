"""Follows the token events of one call and adds them up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from models_app.backends.base import TokenEvent
from models_app.parameters import GenerationParameters
from models_app.predictions import Finished, TextDelta, Timings, Usage
from models_app.prompts import Prompt

Timer = Callable[[], float]


@dataclass(slots=True)
class CompletionRun:
    """One prompt's completion as far as it has come."""

    prompt: Prompt
    seed: int
    parts: list[str] = field(default_factory=list)
    token_count: int = 0
    queue_seconds: float | None = None
    finished: Finished | None = None

    @property
    def has_begun(self) -> bool:
        """Whether the engine has spent any work on it."""
        return self.queue_seconds is not None or self.token_count > 0

    @property
    def usage(self) -> Usage:
        return Usage(
            prompt_tokens=len(self.prompt.token_ids), completion_tokens=self.token_count
        )

    @property
    def charged_tokens(self) -> int:
        return self.usage.total_tokens if self.has_begun else 0

    def take(self, index: int, event: TokenEvent) -> Iterator[TextDelta | Finished]:
        self.token_count += len(event.token_ids)
        if event.queue_seconds is not None:
            self.queue_seconds = event.queue_seconds
        if event.text:
            self.parts.append(event.text)
            yield TextDelta(index=index, text=event.text, token_count=self.token_count)
        if event.finish_reason is not None:
            self.finished = self._finish(index, event)
            yield self.finished

    def _finish(self, index: int, event: TokenEvent) -> Finished:
        return Finished(
            index=index,
            prompt=self.prompt.text,
            text="".join(self.parts),
            finish_reason=event.finish_reason or "",
            stop_sequence=event.stop_sequence,
            seed=self.seed,
            usage=self.usage,
        )


class PredictionRun:
    """All completions of one call, with its clock."""

    def __init__(
        self,
        prompts: list[Prompt],
        parameters: GenerationParameters,
        *,
        timer: Timer = time.perf_counter,
    ) -> None:
        self.completions = [
            CompletionRun(prompt, parameters.seed_of(index))
            for index, prompt in enumerate(prompts)
        ]
        self._timer = timer
        self._started_at = timer()
        self._first_token_at: float | None = None

    def take(self, index: int, event: TokenEvent) -> Iterator[TextDelta | Finished]:
        if self._first_token_at is None and event.token_ids:
            self._first_token_at = self._timer()
        return self.completions[index].take(index, event)

    @property
    def usage(self) -> Usage:
        return Usage(
            prompt_tokens=sum(run.usage.prompt_tokens for run in self.completions),
            completion_tokens=sum(run.token_count for run in self.completions),
        )

    @property
    def charged_tokens(self) -> int:
        return sum(run.charged_tokens for run in self.completions)

    @property
    def finish_reason(self) -> str:
        """The one that all completions share, or empty."""
        reasons = {
            run.finished.finish_reason if run.finished else ""
            for run in self.completions
        }
        return reasons.pop() if len(reasons) == 1 else ""

    @property
    def is_whole(self) -> bool:
        """Whether every completion came to an end of its own."""
        return all(
            run.finished is not None and run.finished.finish_reason != "abort"
            for run in self.completions
        )

    def timings(self) -> Timings:
        waits = [run.queue_seconds for run in self.completions]
        known = [wait for wait in waits if wait is not None]
        first = self._first_token_at
        return Timings(
            queue_ms=_milliseconds(max(known)) if known else None,
            ttft_ms=None if first is None else _milliseconds(first - self._started_at),
            duration_ms=_milliseconds(self._timer() - self._started_at),
        )


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
