"""What language models were seen to do on this server, in numbers."""

from __future__ import annotations

from dataclasses import dataclass

from asgiref.sync import async_to_sync

from models_app.backends import get_backend
from models_app.errors import EngineUnavailable
from models_app.models import LanguageModel, PredictionRecord, PredictionStatus

# Few enough to follow a change of machine or precision within a day.
RECENT_PREDICTIONS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Of the most recent predictions that gave one completion: new tokens a second,
    from leaving the queue to the end, work on the prompt included. None without any."""

    tokens_per_second: float | None
    predictions: int


def speed_of(entry: LanguageModel) -> Speed:
    rows = (
        PredictionRecord.objects.filter(
            language_model=entry,
            status=PredictionStatus.SUCCEEDED,
            prompts=1,
            completion_tokens__gt=0,
            duration_ms__gt=0,
        )
        .order_by("-id")
        .values_list("completion_tokens", "duration_ms", "queue_ms", "parameters")
    )
    single = [row for row in rows[:RECENT_PREDICTIONS] if _has_one_sequence(row[3])]
    tokens = sum(row[0] for row in single)
    milliseconds = sum((row[1] or 0.0) - (row[2] or 0.0) for row in single)
    return Speed(
        tokens_per_second=round(1000 * tokens / milliseconds, 1) if tokens else None,
        predictions=len(single),
    )


def load_seconds_of(entry: LanguageModel) -> float | None:
    """How long the engine took to load it, where it has."""
    try:
        statuses = async_to_sync(get_backend().health)()
    except EngineUnavailable:
        return None
    ready = {one.name: one.load_seconds for one in statuses if one.state == "ready"}
    seconds = ready.get(entry.slug)
    return None if seconds is None else round(seconds, 3)


def _has_one_sequence(parameters: dict[str, int]) -> bool:
    return (
        parameters.get("num_return_sequences", 1) == parameters.get("num_beams", 1) == 1
    )
