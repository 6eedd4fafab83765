"""What an answer's headers say about the prediction in it, as TGI names them."""

from __future__ import annotations

from models_app.predictions import Prediction

# Whole milliseconds, as TGI gives them; the native API's `timings` are finer.
NAMES = (
    "x-queue-time",
    "x-inference-time",
    "x-time-per-token",
    "x-prompt-tokens",
    "x-generated-tokens",
)


def timing_headers(prediction: Prediction) -> dict[str, str]:
    """Every door adds them to an answer in one piece. `x-time-per-token` divides the
    time in the engine by all tokens of the call, whichever prompt they follow."""
    timings, usage = prediction.timings, prediction.usage
    queue_ms = timings.queue_ms or 0
    inference_ms = timings.duration_ms - queue_ms
    per_token_ms = inference_ms / max(1, usage.completion_tokens)
    values = (
        round(queue_ms),
        round(inference_ms),
        round(per_token_ms),
        usage.prompt_tokens,
        usage.completion_tokens,
    )
    return {name: str(value) for name, value in zip(NAMES, values, strict=True)}


def stream_headers(prompt_tokens: int) -> dict[str, str]:
    """The one of them that is known before a stream begins."""
    return {"x-prompt-tokens": str(prompt_tokens)}
