"""What becomes of asynchronous predictions with time."""

from __future__ import annotations

import datetime

from django.conf import settings
from django.utils import timezone
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from models_app.asynchronous.finishing import finish
from models_app.asynchronous.models import AsyncPrediction, AsyncStatus
from models_app.errors import GenerationFailed

# So few that a deletion keeps no other writer waiting.
ROWS_PER_DELETION = 200


def delete_expired() -> int:
    """Delete those whose time is over, texts and all; how many that were."""
    kept = datetime.timedelta(hours=settings.KEEP_PREDICTIONS_HOURS)
    expired = AsyncPrediction.objects.filter(finished_at__lte=timezone.now() - kept)
    deleted = 0
    while keys := list(expired.values_list("pk", flat=True)[:ROWS_PER_DELETION]):
        AsyncPrediction.objects.filter(pk__in=keys).delete()
        deleted += len(keys)
    return deleted


def abort_late() -> None:
    """End those whose time passed while they waited for a limit or an engine."""
    waiting = AsyncPrediction.objects.filter(
        status=AsyncStatus.STARTING, cancel_at__lte=timezone.now()
    )
    for prediction in waiting:
        finish(prediction, AsyncStatus.ABORTED, among=(AsyncStatus.STARTING,))


def fail_forgotten() -> None:
    """End those whose task failed for a reason that nobody foresaw."""
    failed = DBTaskResult.objects.filter(status=TaskResultStatus.FAILED)
    forgotten = AsyncPrediction.objects.unfinished().filter(
        task_id__in=failed.values("pk")
    )
    for prediction in forgotten:
        finish(prediction, AsyncStatus.FAILED, error=GenerationFailed())
