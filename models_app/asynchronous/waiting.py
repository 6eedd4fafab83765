"""Waiting for the end of an asynchronous prediction."""

from __future__ import annotations

import time

from accounts.prepared import INTEGER, Given, PreparedRows
from models_app.asynchronous.models import UNFINISHED, AsyncPrediction

FIRST_PAUSE = 0.004
LONGEST_PAUSE = 0.1

_status = PreparedRows(
    lambda: AsyncPrediction.objects.filter(pk=Given("pk", INTEGER)).values_list(
        "status", flat=True
    )
)


def wait_for_end(prediction: AsyncPrediction, seconds: float) -> None:
    """Return once it has ended, or after so long; the prediction is then up to date."""
    deadline = time.monotonic() + seconds
    pause = FIRST_PAUSE
    while (left := deadline - time.monotonic()) > 0:
        time.sleep(min(pause, left))
        pause = min(pause * 1.2, LONGEST_PAUSE)
        if not set(_status.fetch(pk=prediction.pk)) & set(UNFINISHED):
            break
    prediction.refresh_from_db()
