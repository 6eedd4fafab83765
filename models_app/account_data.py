"""What an account has here: its predictions go into the export, and go when it goes."""

from __future__ import annotations

from typing import Any

from accounts.closing import account_closing
from accounts.export import Section, add_section
from accounts.export_sections import section_of
from accounts.models import User
from models_app.backends import get_backend
from models_app.models import PredictionRecord, PredictionStatus, Refusal, UsageHour
from models_app.texts import delete_texts_of, exported_texts
from models_app.usage import SUMMED

_FIELDS = [
    "public_id",
    "created_at",
    "project__name",
    "api_token__name",
    "language_model__slug",
    "source",
    "status",
    "error_code",
    "finish_reason",
    "prompts",
    "prompt_tokens",
    "completion_tokens",
    "charged_tokens",
    "seed",
    "parameters",
    "queue_ms",
    "ttft_ms",
    "duration_ms",
]
_TEXT_FIELDS = ["prediction", "created_at", "prompts", "completions", "is_cut"]
_HOUR_FIELDS = [
    "hour",
    "project__name",
    "language_model__slug",
    "api_token",
    "source",
    *SUMMED,
]
_REFUSAL_FIELDS = [
    "minute",
    "project__name",
    "language_model__slug",
    "api_token",
    "source",
    "limit",
    "set_by",
    "error_code",
    "calls",
]


def connect() -> None:
    add_section(
        section_of(
            "predictions",
            _FIELDS,
            lambda user: PredictionRecord.objects.filter(user=user),
        )
    )
    add_section(
        Section(name="texts_of_calls", fields=_TEXT_FIELDS, rows=exported_texts)
    )
    add_section(
        section_of(
            "usage_hours",
            _HOUR_FIELDS,
            lambda user: UsageHour.objects.filter(user=user).order_by("hour", "pk"),
        )
    )
    add_section(
        section_of(
            "refusals",
            _REFUSAL_FIELDS,
            lambda user: Refusal.objects.filter(user=user),
        )
    )
    account_closing.connect(_end_predictions)


def _end_predictions(*, user: User, **kwargs: Any) -> None:
    predictions = PredictionRecord.objects.filter(user=user)
    running = predictions.filter(status=PredictionStatus.RUNNING)
    request_ids = [one for record in running for one in record.request_ids]
    if request_ids:
        get_backend().abort(request_ids)
    delete_texts_of(user)
    # With no rows left to collect, the account's own deletion is quick.
    predictions.delete()
    UsageHour.objects.filter(user=user).delete()
    Refusal.objects.filter(user=user).delete()
