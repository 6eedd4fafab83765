"""Which predictions and which refused calls the request log shows."""

from __future__ import annotations

import datetime

from django import forms
from django.db.models import QuerySet

from accounts.errors import OTHER_LIMITS
from accounts.tiers import LIMIT_KINDS
from models_app.models import PredictionRecord, PredictionStatus, Refusal
from models_app.usage_filters import HOURS, Table, UsageFilters

REFUSED = "refused"
LIMITS = {kind.name: kind.label for kind in LIMIT_KINDS} | OTHER_LIMITS
PREDICTIONS = Table(
    "created_at",
    {
        **HOURS.columns,
        "api_token": "api_token__public_id",
        "status": "status",
        "error": "error_code",
        "min_tokens": "charged_tokens__gte",
        "min_ms": "duration_ms__gte",
        "min_queue_ms": "queue_ms__gte",
    },
)
REFUSALS = Table("minute", {**HOURS.columns, "error": "error_code", "limit": "limit"})


class RequestLogFilters(UsageFilters):
    """Those of usage, and what only a single prediction or refusal has."""

    status = forms.ChoiceField(
        choices=[("", "All"), *PredictionStatus.choices, (REFUSED, "Refused")],
        required=False,
    )
    limit = forms.ChoiceField(
        label="Limit hit", choices=[("", "All"), *LIMITS.items()], required=False
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

    def predictions(
        self, until: datetime.datetime | None = None
    ) -> QuerySet[PredictionRecord]:
        """The newest first."""
        if self.cleaned_data["limit"] or self.cleaned_data["status"] == REFUSED:
            return PredictionRecord.objects.none()
        return PredictionRecord.objects.filter(
            self.condition(PREDICTIONS, until=until)
        ).select_related("language_model", "api_token", "project")

    def refusals(self, until: datetime.datetime | None = None) -> QuerySet[Refusal]:
        """The newest first; none where it is asked what no refused call has."""
        only = PREDICTIONS.columns.keys() - REFUSALS.columns.keys() - {"status"}
        wanted = self.cleaned_data
        if wanted["status"] not in ("", REFUSED) or any(wanted[name] for name in only):
            return Refusal.objects.none()
        return Refusal.objects.filter(
            self.condition(REFUSALS, until=until)
        ).select_related("language_model", "project")
