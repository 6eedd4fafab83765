"""Counts ended predictions and refused calls into the rows of their hours."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import F

from accounts.models import User
from accounts.prepared import INTEGER, MOMENT, TEXT, Given, PreparedUpdate
from accounts.time_zones import zone_of
from models_app.models import PredictionRecord, PredictionStatus, UsageHour
from models_app.usage import SUMMED

if TYPE_CHECKING:
    from models_app.refusals import RefusedAlike

_OF_ROW = {
    "user_id": INTEGER,
    "hour": MOMENT,
    "project_id": INTEGER,
    "language_model_id": INTEGER,
    "api_token": TEXT,
    "source": TEXT,
}
_add = PreparedUpdate(
    lambda: UsageHour.objects.filter(
        **{name: Given(name, field) for name, field in _OF_ROW.items()}
    ),
    **{name: F(name) + Given(f"more_{name}", INTEGER) for name in SUMMED},
)


def count(record: PredictionRecord) -> None:
    """Add a prediction that has just ended, within the transaction that closes it.

    Where nothing was charged its tokens do not count, as on the bill.
    """
    is_charged = record.charged_tokens > 0
    row = {
        "user_id": record.user_id,
        "hour": hour_of(record.created_at, zone_of(record.user)),
        "project_id": record.project_id,
        "language_model_id": record.language_model_id,
        "api_token": record.api_token.public_id if record.api_token else "",
        "source": record.source,
    }
    _count(
        row,
        requests=1,
        failed=int(record.status == PredictionStatus.FAILED),
        prompt_tokens=record.prompt_tokens if is_charged else 0,
        completion_tokens=record.completion_tokens if is_charged else 0,
        charged_tokens=record.charged_tokens,
    )


def count_refused(user: User, call: RefusedAlike, number: int) -> None:
    """Add so many calls that were refused alike."""
    row = {name: getattr(call, name) for name in _OF_ROW if name != "hour"}
    _count(row | {"hour": hour_of(call.minute, zone_of(user))}, refused=number)


def _count(row: dict[str, Any], **counts: int) -> None:
    more = {f"more_{name}": counts.get(name, 0) for name in SUMMED}
    if _add.carry_out(**row, **more):
        return
    UsageHour.objects.bulk_create([UsageHour(**row)], ignore_conflicts=True)
    _add.carry_out(**row, **more)


def hour_of(moment: datetime.datetime, zone: datetime.tzinfo) -> datetime.datetime:
    """When the owner's clock last struck: some zones are half an hour off the others."""
    local = moment.astimezone(zone)
    past = datetime.timedelta(
        minutes=local.minute, seconds=local.second, microseconds=local.microsecond
    )
    return moment.astimezone(datetime.UTC) - past
