"""How long an asynchronous prediction is likely to wait."""

from __future__ import annotations

import datetime

from django.conf import settings

from models_app.asynchronous.models import AsyncPrediction, AsyncStatus
from models_app.tasks.mailboxes import count_workers

# Few enough to follow how long calls become and how fast they run.
RECENT = 50


def seconds_until_begun(position: int | None) -> int | None:
    """Of the prediction at this place of the queue, as if all before it took as long as
    those that ended last did in the mean. None without a place, or before any ended."""
    if position is None:
        return None
    ended = AsyncPrediction.objects.filter(status=AsyncStatus.SUCCEEDED)
    recent = ended.order_by("-finished_at").values_list("started_at", "finished_at")
    spans = [end - begin for begin, end in recent[:RECENT] if begin and end]
    if not spans:
        return None
    mean = sum(spans, datetime.timedelta()) / len(spans)
    at_once = settings.WORKER_PREDICTIONS * max(1, count_workers())
    return round(mean.total_seconds() * position / at_once)
