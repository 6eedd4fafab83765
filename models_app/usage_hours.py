"""Counts ended predictions into the rows of their hours, one UPDATE for each."""

from __future__ import annotations

import datetime

from django.db.models import F

from accounts.time_zones import zone_of
from models_app.models import PredictionRecord, PredictionStatus, UsageHour


def count(record: PredictionRecord) -> None:
    """Add a prediction that has just ended, within the transaction that closes it.

    Where nothing was charged its tokens do not count, as on the bill.
    """
    row = {
        "user_id": record.user_id,
        "hour": hour_of(record.created_at, zone_of(record.user)),
        "project_id": record.project_id,
        "language_model_id": record.language_model_id,
        "api_token": record.api_token.public_id if record.api_token else "",
        "source": record.source,
    }
    is_charged = record.charged_tokens > 0
    more = {
        "requests": 1,
        "failed": int(record.status == PredictionStatus.FAILED),
        "prompt_tokens": record.prompt_tokens if is_charged else 0,
        "completion_tokens": record.completion_tokens if is_charged else 0,
        "charged_tokens": record.charged_tokens,
    }
    if _add(row, more):
        return
    UsageHour.objects.bulk_create([UsageHour(**row)], ignore_conflicts=True)
    _add(row, more)


def hour_of(moment: datetime.datetime, zone: datetime.tzinfo) -> datetime.datetime:
    """When the owner's clock last struck: some zones are half an hour off the others."""
    local = moment.astimezone(zone)
    past = datetime.timedelta(
        minutes=local.minute, seconds=local.second, microseconds=local.microsecond
    )
    return moment.astimezone(datetime.UTC) - past


def _add(row: dict[str, object], more: dict[str, int]) -> bool:
    changes = {name: F(name) + value for name, value in more.items()}
    return bool(UsageHour.objects.filter(**row).update(**changes))
