"""Which predictions the request log shows, and from where on."""

from __future__ import annotations

from django import forms
from django.db.models import Q, QuerySet

from models_app.models import PredictionRecord, PredictionStatus
from models_app.usage_filters import UsageFilters


class RequestLogFilters(UsageFilters):
    """Those of usage, and what only a single prediction has."""

    moment = "created_at"
    columns = {
        **UsageFilters.columns,
        "api_token": "api_token__public_id",
        "status": "status",
        "error": "error_code",
        "min_tokens": "charged_tokens__gte",
        "min_ms": "duration_ms__gte",
        "min_queue_ms": "queue_ms__gte",
    }

    status = forms.ChoiceField(
        choices=[("", "All"), *PredictionStatus.choices], required=False
    )
    error = forms.CharField(label="Error code", max_length=50, required=False)
    min_tokens = forms.IntegerField(
        label="Tokens from", min_value=0, max_value=10**9, required=False
    )
    min_ms = forms.IntegerField(
        label="Took ms from", min_value=0, max_value=10**9, required=False
    )
    min_queue_ms = forms.IntegerField(
        label="Waited ms from", min_value=0, max_value=10**9, required=False
    )

    def records(self) -> QuerySet[PredictionRecord]:
        """The newest first."""
        return PredictionRecord.objects.filter(self.condition()).select_related(
            "language_model", "api_token", "project"
        )


def older_than(
    records: QuerySet[PredictionRecord], cursor: PredictionRecord
) -> QuerySet[PredictionRecord]:
    """What follows `cursor`; new predictions do not shift it, as they would a page."""
    at = cursor.created_at
    same_moment = Q(created_at=at, pk__lt=cursor.pk)
    # The first condition alone says what an index can go through.
    return records.filter(created_at__lte=at).filter(Q(created_at__lt=at) | same_moment)
