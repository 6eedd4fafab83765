"""Predictions in the words of text-generation-inference (TGI)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models_app.backends import get_backend
from models_app.backends.base import IsSpecial, Spell
from models_app.huggingface.errors import error_json
from models_app.huggingface.parameters import Arguments
from models_app.predictions import (
    Alternative,
    Failed,
    Finished,
    PredictEvent,
    Prediction,
    TextDelta,
    TokenDetail,
)
from models_app.sse import Frame

Json = dict[str, object]

INCOMPLETE: Json = {
    "error": "The prediction was ended before it was done.",
    "error_type": "incomplete_generation",
}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the tokens of a language model are, looked up once for a call."""

    spell: Spell
    is_special: IsSpecial

    @classmethod
    def of(cls, model: str) -> Vocabulary:
        backend = get_backend()
        return cls(backend.speller(model), backend.special_tokens(model))


@dataclass(frozen=True, slots=True, kw_only=True)
class TextGeneration:
    """How the answers to one call are written."""

    arguments: Arguments
    vocabulary: Vocabulary
    first_token_id: int

    def answer(self, prediction: Prediction) -> Json:
        completions = sorted(prediction.completions, key=_likelihood, reverse=True)
        best, *others = completions
        answer: Json = {"generated_text": self.text(best)}
        if self.arguments.has_details:
            answer["details"] = self.details(best, prediction.completions[0])
            if others:
                answer["details"] |= {  # type: ignore[operator]
                    "best_of_sequences": [
                        {"generated_text": self.text(one)} | self.details(one, one)
                        for one in others
                    ]
                }
        return answer

    def text(self, completion: Finished) -> str:
        full = self.arguments.returns_full_text
        return completion.prompt + completion.text if full else completion.text

    def details(self, completion: Finished, with_prompt: Finished) -> Json:
        """The sequences of a prompt share it, and the first one tells about it."""
        tokens = completion.logprobs or ()
        details = _ending(completion) | {
            "prefill": self.prefill(with_prompt.prompt_logprobs or ()),
            "tokens": [self.token(one) for one in tokens],
        }
        if self.arguments.top_n_tokens:
            details["top_tokens"] = [self.top_tokens(one) for one in tokens]
        return details

    def prefill(self, tokens: Sequence[TokenDetail | None]) -> list[Json]:
        """The first token has no probability, for which TGI says null."""
        first_text = self.vocabulary.spell(self.first_token_id)
        return [
            {"id": self.first_token_id, "text": first_text, "logprob": None}
            if one is None
            else {"id": one.token_id, "text": one.text, "logprob": one.logprob}
            for one in tokens
        ]

    def token(self, token: TokenDetail | Alternative, text: str | None = None) -> Json:
        return {
            "id": token.token_id,
            "text": token.text if text is None else text,
            "logprob": token.logprob,
            "special": self.vocabulary.is_special(token.token_id),
        }

    def top_tokens(self, token: TokenDetail) -> list[Json]:
        return [self.token(one) for one in token.alternatives]


class StreamRenderer:
    """One event for each token; the last one has the whole text.

    What a token's text is may be known only some tokens later; then it comes there, so
    that the texts together are the completion.
    """

    def __init__(self, writer: TextGeneration, *, request_id: str) -> None:
        self._writer = writer
        self._request_id = request_id
        self._index = 0
        self._held: list[Json] = []

    def __call__(self, event: PredictEvent) -> list[Frame]:
        match event:
            case TextDelta():
                return self._take(event)
            case Finished():
                return self._finish(event)
            case Failed(error):
                return [(None, error_json(error, self._request_id))]
        return []

    def _take(self, delta: TextDelta) -> list[Frame]:
        tokens = self._tokens(delta)
        if delta.is_last:
            self._held = tokens[-1:]
            tokens = tokens[:-1]
        return [(None, token) for token in tokens]

    def _tokens(self, delta: TextDelta) -> list[Json]:
        details = delta.logprobs or ()
        texts = [""] * (len(details) - 1) + [delta.text]
        return [
            self._event(one, text) for one, text in zip(details, texts, strict=False)
        ]

    def _event(self, detail: TokenDetail, text: str) -> Json:
        self._index += 1
        event: Json = {
            "index": self._index,
            "token": self._writer.token(detail, text),
            "generated_text": None,
            "details": None,
        }
        if self._writer.arguments.top_n_tokens:
            event["top_tokens"] = self._writer.top_tokens(detail)
        return event

    def _finish(self, completion: Finished) -> list[Frame]:
        ending = {
            "generated_text": self._writer.text(completion),
            "details": _ending(completion)
            | {"input_length": completion.usage.prompt_tokens},
        }
        if completion.finish_reason == "abort":
            return [(None, INCOMPLETE)]
        return [(None, token | ending) for token in self._held]


def finish_reason(completion: Finished) -> str:
    """`length`, or which of two ways it stopped."""
    if completion.finish_reason != "stop":
        return completion.finish_reason
    return "eos_token" if completion.stop_sequence is None else "stop_sequence"


def _ending(completion: Finished) -> Json:
    return {
        "finish_reason": finish_reason(completion),
        "generated_tokens": completion.usage.completion_tokens,
        "seed": completion.seed,
    }


def _likelihood(completion: Finished) -> float:
    return sum(token.logprob for token in completion.logprobs or ())
