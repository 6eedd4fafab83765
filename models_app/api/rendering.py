"""Predictions and their events in the words of the native API."""

from __future__ import annotations

import dataclasses

from accounts.error_shape import error_object
from models_app.predictions import (
    Completed,
    Failed,
    Finished,
    PredictEvent,
    Prediction,
    Started,
    TextDelta,
)
from models_app.sse import Frame, Render


def prediction_json(prediction: Prediction) -> dict[str, object]:
    return {
        "id": prediction.id,
        "model": prediction.model,
        "predictions": [completion_json(one) for one in prediction.completions],
        "usage": prediction.usage.as_json(),
        "seed": prediction.seed,
        "timings": dataclasses.asdict(prediction.timings),
    }


def completion_json(completion: Finished) -> dict[str, object]:
    return {
        "index": completion.index,
        "text": completion.text,
        "finish_reason": completion.finish_reason,
        "stop_sequence": completion.stop_sequence,
        "seed": completion.seed,
        "usage": completion.usage.as_json(),
    }


def event_renderer(request_id: str) -> Render:
    """`started`, then `delta` and `finished` of each completion, then `completed` with
    what the call would have answered in one piece, or `error`."""

    def render(event: PredictEvent) -> Frame:
        match event:
            case Started():
                return "started", _started_json(event)
            case TextDelta():
                return "delta", dataclasses.asdict(event)
            case Finished():
                return "finished", completion_json(event)
            case Completed(prediction):
                return "completed", prediction_json(prediction)
            case Failed(error):
                return "error", {"error": error_object(error, request_id=request_id)}

    return render


def _started_json(event: Started) -> dict[str, object]:
    return {
        "id": event.prediction_id,
        "model": event.model,
        "seed": event.seed,
        "prompts": event.prompts,
        "prompt_tokens": event.prompt_tokens,
    }
