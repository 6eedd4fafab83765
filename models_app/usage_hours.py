"""Counts ended predictions into the rows of their hours, one UPDATE for each."""

from __future__ import annotations

import datetime

from django.db.models import F

from accounts.prepared import INTEGER, MOMENT, TEXT, Given, PreparedUpdate
from accounts.time_zones import zone_of
from models_app.models import PredictionRecord, PredictionStatus, UsageHour

_OF_ROW = {
    "user_id": INTEGER,
    "hour": MOMENT,
    "project_id": INTEGER,
    "language_model_id": INTEGER,
    "api_token": TEXT,
    "source": TEXT,
}
_COUNTS = (
    "requests",
    "failed",
    "prompt_tokens",
    "completion_tokens",
    "charged_tokens",
)
_add = PreparedUpdate(
    lambda: UsageHour.objects.filter(
        **{name: Given(name, field) for name, field in _OF_ROW.items()}
    ),
    **{name: F(name) + Given(f"more_{name}", INTEGER) for name in _COUNTS},
)


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
    values = row | {f"more_{name}": value for name, value in more.items()}
    if _add.carry_out(**values):
        return
    UsageHour.objects.bulk_create([UsageHour(**row)], ignore_conflicts=True)
    _add.carry_out(**values)


def hour_of(moment: datetime.datetime, zone: datetime.tzinfo) -> datetime.datetime:
    """When the owner's clock last struck: some zones are half an hour off the others."""
    local = moment.astimezone(zone)
    past = datetime.timedelta(
        minutes=local.minute, seconds=local.second, microseconds=local.microsecond
    )
    return moment.astimezone(datetime.UTC) - past
