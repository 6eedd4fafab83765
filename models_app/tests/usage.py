"""Predictions of the past, for tests of what is counted of them."""

from __future__ import annotations

import datetime
from typing import Any

from accounts.models import Project, User
from models_app import usage_hours
from models_app.models import (
    LanguageModel,
    PredictionRecord,
    PredictionSource,
    PredictionStatus,
)
from neuro_site.testing import read_stream


def utc(*parts: int) -> datetime.datetime:
    return datetime.datetime(*parts, tzinfo=datetime.UTC)  # type: ignore[misc,arg-type]


async def read(response: Any) -> str:
    return (await read_stream(response)).decode()


def ended(user: User, at: datetime.datetime, **changes: Any) -> PredictionRecord:
    """A prediction of 4 + 5 tokens that ended well, in the ledger and counted."""
    project: Project = changes.pop("project", user.default_project)
    model: str = changes.pop("model", "neo-tiny")
    values: dict[str, Any] = {
        "source": PredictionSource.API,
        "status": PredictionStatus.SUCCEEDED,
        "prompts": 1,
        "prompt_tokens": 4,
        "completion_tokens": 5,
        "charged_tokens": 9,
        "seed": 7,
        "queue_ms": 2.0,
        "ttft_ms": 30.0,
        "duration_ms": 100.0,
    }
    record = PredictionRecord.objects.create(
        user=user,
        project=project,
        language_model=LanguageModel.objects.get(slug=model),
        **{**values, **changes},
    )
    PredictionRecord.objects.filter(pk=record.pk).update(created_at=at)
    record.created_at = at
    usage_hours.count(record)
    return record
