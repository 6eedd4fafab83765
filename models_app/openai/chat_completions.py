"""Predictions as OpenAI's chat completions."""

from __future__ import annotations

from collections.abc import Iterator

from models_app.backends import get_backend
from models_app.openai.answers import Writer
from models_app.openai.calls import ChatCall
from models_app.openai.logprobs import chat_logprobs
from models_app.predictions import (
    Finished,
    Prediction,
    Started,
    TextDelta,
    TokenDetails,
)


class ChatWriter(Writer[ChatCall]):
    id_prefix = "chatcmpl"
    object_type = "chat.completion"
    chunk_type = "chat.completion.chunk"

    def choices(self, prediction: Prediction) -> list[dict[str, object]]:
        return [
            {
                "index": one.index,
                "message": {
                    "role": "assistant",
                    "content": one.text,
                    "refusal": None,
                },
                "logprobs": self._logprobs(one.logprobs),
                "finish_reason": one.finish_reason,
            }
            for one in prediction.completions
        ]

    def begin(self, event: Started) -> Iterator[dict[str, object]]:
        for index in range(self.call.n):
            yield _choice(index, {"role": "assistant", "content": "", "refusal": None})

    def grow(self, part: TextDelta | Finished) -> Iterator[dict[str, object]]:
        if isinstance(part, Finished):
            yield _choice(part.index, {}, finish_reason=part.finish_reason)
        else:
            yield _choice(
                part.index, {"content": part.text}, self._logprobs(part.logprobs)
            )

    def _logprobs(self, tokens: TokenDetails | None) -> dict[str, object] | None:
        if tokens is None:
            return None
        return chat_logprobs(tokens, get_backend().token_bytes(self.model))


def _choice(
    index: int,
    delta: dict[str, object],
    logprobs: dict[str, object] | None = None,
    finish_reason: str | None = None,
) -> dict[str, object]:
    return {
        "index": index,
        "delta": delta,
        "logprobs": logprobs,
        "finish_reason": finish_reason,
    }
