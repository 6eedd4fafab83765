"""A running prediction as the events that playground.js reads."""

from __future__ import annotations

from models_app.services import (
    Completed,
    Failed,
    PredictEvent,
    Prediction,
    Started,
    TextDelta,
)
from models_app.sse import Frame
from playground.errors import show
from playground.outcomes import outcome_of


def render_event(event: PredictEvent) -> Frame | None:
    """One event of the stream; nothing for what `completed` says again."""
    match event:
        case Started():
            return "started", {
                "seed": event.seed,
                "prompt_tokens": event.prompt_tokens,
            }
        case TextDelta():
            return "text", {"text": event.text, "tokens": event.token_count}
        case Completed():
            return "completed", summary_of(event.prediction)
        case Failed():
            return "error", show(event.error)
        case _:
            return None


def summary_of(prediction: Prediction) -> dict[str, object]:
    """What the page says about a finished prediction."""
    completion = prediction.completions[0]
    timings = prediction.timings
    return {
        "outcome": outcome_of(completion),
        "seed": prediction.seed,
        "completion_tokens": prediction.usage.completion_tokens,
        "ttft_ms": timings.ttft_ms,
        "duration_ms": timings.duration_ms,
    }
