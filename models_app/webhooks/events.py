"""What a project's webhooks can be told."""

from __future__ import annotations

from collections.abc import Sequence

from models_app.errors import InvalidInput

# Each with what it means. A new kind of event is one more entry.
EVENTS: dict[str, str] = {
    "prediction.succeeded": "An asynchronous prediction is done.",
    "prediction.failed": "It failed, and charged nothing.",
    "prediction.canceled": "It was canceled, or its time was over while it ran.",
    "prediction.aborted": "Its time was over before it began.",
    "batch.completed": "Every line of a batch has ended, well or not.",
    "batch.canceled": "A batch was canceled before all of its lines had ended.",
    "batch.expired": "Its time was over before all of its lines had begun.",
}
# Sent on request, to see that an address works; whoever it is sent to gets it.
TEST = "webhook.test"


def require_known(events: Sequence[str], *, param: str) -> list[str]:
    """The events in their own order, each once."""
    for event in events:
        if event not in EVENTS:
            raise InvalidInput(
                f"There is no event {event[:50]!r}; there are {', '.join(EVENTS)}.",
                param=param,
            )
    return [event for event in EVENTS if event in events]
