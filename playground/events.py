"""A running prediction as the events that playground.js reads."""

from __future__ import annotations

from models_app.predictions import TokenDetail
from models_app.services import (
    Completed,
    Failed,
    Finished,
    PredictEvent,
    Prediction,
    Started,
    TextDelta,
)
from models_app.sse import Frame
from playground.errors import show
from playground.outcomes import outcome_of, outcome_of_completion


def render_event(event: PredictEvent) -> list[Frame]:
    """The frame of one event."""
    return [_frame_of(event)]


def _frame_of(event: PredictEvent) -> Frame:
    match event:
        case Started():
            return "started", {
                "seed": event.seed,
                "prompt_tokens": event.prompt_tokens,
                "sequences": event.num_return_sequences,
            }
        case TextDelta():
            return "text", _text_of(event)
        case Finished():
            return "finished", completion_of(event)
        case Completed():
            return "completed", summary_of(event.prediction)
        case Failed():
            return "error", show(event.error)


def summary_of(prediction: Prediction) -> dict[str, object]:
    """What the page says about a finished prediction."""
    timings = prediction.timings
    return {
        "outcome": outcome_of(prediction),
        "seed": prediction.seed,
        "completion_tokens": prediction.usage.completion_tokens,
        "ttft_ms": timings.ttft_ms,
        "duration_ms": timings.duration_ms,
    }


def completion_of(completion: Finished) -> dict[str, object]:
    """What the page says about one of several completions."""
    return {
        "index": completion.index,
        "outcome": outcome_of_completion(completion),
        "tokens": completion.usage.completion_tokens,
        "score": completion.score,
    }


def _text_of(delta: TextDelta) -> dict[str, object]:
    text = {"index": delta.index, "text": delta.text, "tokens": delta.token_count}
    if not delta.logprobs:
        return text
    return text | {"details": [_detail_of(token) for token in delta.logprobs]}


def _detail_of(token: TokenDetail) -> dict[str, object]:
    return {
        "text": token.text,
        "logprob": token.logprob,
        "rank": token.rank,
        "alternatives": [(one.text, one.logprob) for one in token.alternatives],
    }
