"""How far an asynchronous prediction is, from what is written down of it."""

from __future__ import annotations

from models_app.asynchronous.models import AsyncPrediction, AsyncStatus
from models_app.asynchronous.stored import read_events, read_parameters
from models_app.predictions import Finished, Started, TextDelta


def progress_of(prediction: AsyncPrediction) -> float:
    """From 0 to 1: the mean of its completions, each by the tokens that it has of those
    that it may have."""
    if prediction.status == AsyncStatus.SUCCEEDED:
        return 1.0
    started: Started | None = None
    parts: dict[int, float] = {}
    for row in prediction.events.all():
        for event in read_events(row):
            match event:
                case Started():
                    started = event
                case TextDelta():
                    parts[event.index] = float(event.token_count)
                case Finished():
                    parts[event.index] = float("inf")
    if started is None:
        return 0.0
    completions = started.prompts * started.num_return_sequences
    longest = _longest(prediction, started)
    return sum(min(1.0, part / longest) for part in parts.values()) / completions


def _longest(prediction: AsyncPrediction, started: Started) -> float:
    """Tokens that a completion may have, in the mean."""
    parameters = read_parameters(prediction)
    if parameters.get("max_new_tokens"):
        return float(parameters["max_new_tokens"])
    if parameters.get("max_length"):
        prompt_tokens = started.prompt_tokens / started.prompts
        return max(1.0, float(parameters["max_length"]) - prompt_tokens)
    return float(prediction.default_new_tokens)
