"""What completions and chat completions have in common: answers, chunks, errors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import ClassVar, Generic, TypeVar

import msgspec
from msgspec import structs

from models_app.openai.calls import Call
from models_app.openai.fingerprint import system_fingerprint
from models_app.predictions import (
    Completed,
    Failed,
    Finished,
    PredictEvent,
    Prediction,
    Started,
    TextDelta,
)
from models_app.services import Admission
from models_app.sse import Frame

AnyCall = TypeVar("AnyCall", bound=Call)

Part = TextDelta | Finished

DONE: Frame = (None, msgspec.Raw(b"[DONE]"))


class Writer(ABC, Generic[AnyCall]):
    """Writes the answer to one call, in one piece or as chunks."""

    id_prefix: ClassVar[str]
    object_type: ClassVar[str]
    chunk_type: ClassVar[str]

    def __init__(self, admission: Admission, call: AnyCall) -> None:
        self.admission, self.call = admission, call
        self.model = admission.language_model.slug
        self._head = {
            "id": f"{self.id_prefix}-{admission.record.public_id}",
            "created": int(admission.record.created_at.timestamp()),
            "model": self.model,
            "system_fingerprint": system_fingerprint(self.model),
            "seed": admission.parameters.seed,
        }

    @abstractmethod
    def choices(self, prediction: Prediction) -> list[dict[str, object]]:
        """Of the finished prediction."""

    @abstractmethod
    def begin(self, event: Started) -> Iterator[dict[str, object]]:
        """The choices of the first chunks, before there is a token."""

    @abstractmethod
    def grow(self, part: Part) -> Iterator[dict[str, object]]:
        """The choices of the chunks that bring more of a completion, or its end."""

    def end(self) -> Iterator[dict[str, object]]:
        """The choices of chunks that have waited for the end."""
        return iter(())

    def answer(self, prediction: Prediction) -> dict[str, object]:
        return self._head | {
            "object": self.object_type,
            "choices": self.choices(self._shown(prediction)),
            "usage": prediction.usage.as_json(),
        }

    def renderer(
        self, error_json: Callable[[Failed], object]
    ) -> Callable[[PredictEvent], Iterator[Frame]]:
        """The frames of each event; `error_json` says how the stream failed."""

        def render(event: PredictEvent) -> Iterator[Frame]:
            match event:
                case Started():
                    yield from self._chunks(self.begin(event))
                case TextDelta() | Finished():
                    for part in self._copies(event):
                        yield from self._chunks(self.grow(part))
                case Completed(prediction):
                    yield from self._chunks(self.end())
                    yield from self._usage(prediction)
                    yield DONE
                case Failed():
                    yield None, error_json(event)

        return render

    def _shown(self, prediction: Prediction) -> Prediction:
        copies = range(self.call.copies)
        shown = [one for one in prediction.completions for _ in copies]
        numbered = [replace(one, index=index) for index, one in enumerate(shown)]
        return replace(prediction, completions=numbered)

    def _copies(self, part: Part) -> Iterator[Part]:
        """The same of each choice that shows it."""
        first = part.index * self.call.copies
        for index in range(first, first + self.call.copies):
            if isinstance(part, TextDelta):
                yield structs.replace(part, index=index)
            else:
                yield replace(part, index=index)

    def _chunks(self, choices: Iterator[dict[str, object]]) -> Iterator[Frame]:
        # Every chunk has the field, empty until the last, once a caller asks for it.
        usage = {"usage": None} if self.call.includes_usage else {}
        for choice in choices:
            yield (
                None,
                self._head | {"object": self.chunk_type, "choices": [choice]} | usage,
            )

    def _usage(self, prediction: Prediction) -> Iterator[Frame]:
        if self.call.includes_usage:
            yield (
                None,
                self._head
                | {
                    "object": self.chunk_type,
                    "choices": [],
                    "usage": prediction.usage.as_json(),
                },
            )


def best_first(completions: Sequence[Finished], count: int) -> list[Finished]:
    """Of each prompt, as many as `count` whose tokens are the likeliest on average."""
    by_prompt = groupby(completions, key=lambda one: one.prompt_index)
    return [
        one
        for _, group in by_prompt
        for one in sorted(group, key=_mean_logprob, reverse=True)[:count]
    ]


def _mean_logprob(completion: Finished) -> float:
    logprobs = [token.logprob for token in completion.logprobs or ()]
    return sum(logprobs) / len(logprobs) if logprobs else float("-inf")
