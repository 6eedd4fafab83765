"""Predictions in the words of the npu client."""

from __future__ import annotations

from models_app.api.rendering import details_json
from models_app.predictions import Prediction


def result_json(
    prediction: Prediction, *, removes_input: bool
) -> list[dict[str, object]]:
    """One list whatever was asked: prompt by prompt, and each with its sequences."""
    return [
        {
            "generated_text": completion.text
            if removes_input
            else completion.prompt + completion.text,
            **details_json(completion),
        }
        for completion in prediction.completions
    ]


def metrics_json(prediction: Prediction) -> dict[str, object]:
    """What `Task.logs()` returns."""
    return {
        **prediction.usage.as_json(),
        "charged_tokens": prediction.charged_tokens,
        "seed": prediction.seed,
        "queue_ms": prediction.timings.queue_ms,
        "ttft_ms": prediction.timings.ttft_ms,
        "duration_ms": prediction.timings.duration_ms,
    }
