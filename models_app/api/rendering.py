"""Predictions and their events in the words of the native API."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from accounts.error_shape import error_object
from models_app.predictions import (
    Completed,
    Failed,
    Finished,
    PredictEvent,
    Prediction,
    Started,
    TextDelta,
    TokenDetail,
)
from models_app.sse import Frame, Render


def prediction_json(prediction: Prediction) -> dict[str, object]:
    return {
        "id": prediction.id,
        "model": prediction.model,
        "predictions": [completion_json(one) for one in prediction.completions],
        "usage": prediction.usage.as_json(),
        "charged_tokens": prediction.charged_tokens,
        "seed": prediction.seed,
        "timings": dataclasses.asdict(prediction.timings),
    }


def completion_json(completion: Finished) -> dict[str, object]:
    return {
        "index": completion.index,
        "prompt_index": completion.prompt_index,
        "sequence_index": completion.sequence_index,
        "text": completion.text,
        "finish_reason": completion.finish_reason,
        "stop_sequence": completion.stop_sequence,
        "seed": completion.seed,
        "usage": completion.usage.as_json(),
        **details_json(completion),
    }


def details_json(completion: Finished) -> dict[str, object]:
    """The score of beams, and the details that the call asked for."""
    return _asked_for(
        score=completion.score,
        token_ids=completion.token_ids,
        logprobs=_tokens_json(completion.logprobs),
        prompt_logprobs=_tokens_json(completion.prompt_logprobs),
    )


def delta_json(delta: TextDelta) -> dict[str, object]:
    data: dict[str, object] = {
        "index": delta.index,
        "text": delta.text,
        "token_count": delta.token_count,
    }
    if delta.token_ids is not None:
        data["token_ids"] = delta.token_ids
    if delta.logprobs is not None:
        data["logprobs"] = _tokens_json(delta.logprobs)
    return data


def event_renderer(request_id: str) -> Render:
    """`started`, then `delta` and `finished` of each completion, then `completed` with
    what the call would have answered in one piece, or `error`."""

    def frame_of(event: PredictEvent) -> Frame:
        match event:
            case TextDelta():
                return "delta", delta_json(event)
            case Started():
                return "started", _started_json(event)
            case Finished():
                return "finished", completion_json(event)
            case Completed(prediction):
                return "completed", prediction_json(prediction)
            case Failed(error):
                return "error", {"error": error_object(error, request_id=request_id)}

    return lambda event: [frame_of(event)]


def _started_json(event: Started) -> dict[str, object]:
    return {
        "id": event.prediction_id,
        "model": event.model,
        "seed": event.seed,
        "prompts": event.prompts,
        "num_return_sequences": event.num_return_sequences,
        "prompt_tokens": event.prompt_tokens,
    }


def _asked_for(**details: object) -> dict[str, object]:
    """Answers stay small: what the call did not ask for is left out."""
    return {name: value for name, value in details.items() if value is not None}


def _tokens_json(
    tokens: Sequence[TokenDetail | None] | None,
) -> list[dict[str, object] | None] | None:
    if tokens is None:
        return None
    return [None if one is None else dataclasses.asdict(one) for one in tokens]
