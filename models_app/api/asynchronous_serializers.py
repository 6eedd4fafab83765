"""What the routes of asynchronous predictions take and give."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from models_app.api.pages import PageQuery
from models_app.api.serializers import (
    CallInput,
    ParametersField,
    PredictionOutput,
    PromptsField,
)
from models_app.asynchronous.models import AsyncStatus
from models_app.models import LanguageModel, PredictionSource


class CreateInput(CallInput):
    model = serializers.CharField(max_length=200, help_text="Its id or slug.")
    webhook = serializers.CharField(
        required=False,
        allow_null=True,
        help_text="An address to tell the end to, or the id of a webhook.",
    )
    webhook_events_filter = serializers.ListField(
        child=serializers.CharField(max_length=50),
        required=False,
        max_length=20,
        help_text="The events that it is told; all of them by default.",
    )


class ListQuery(PageQuery):
    salt = "neuro.predictions"
    lookups = {
        "status": "status",
        "model": "language_model",
        "project": "project__public_id",
        "source": "source",
        "created_after": "created_at__gt",
        "created_before": "created_at__lt",
    }

    status = serializers.ChoiceField(choices=AsyncStatus.choices, required=False)
    model = serializers.CharField(max_length=200, required=False)
    project = serializers.CharField(max_length=24, required=False)
    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=PredictionSource.choices, required=False
    )
    created_after = serializers.DateTimeField(required=False)
    created_before = serializers.DateTimeField(required=False)

    def validate_model(self, model: str) -> LanguageModel:
        return LanguageModel.objects.resolve(model)


class UrlsOutput(serializers.Serializer[Any]):
    get = serializers.URLField()
    cancel = serializers.URLField()
    stream = serializers.URLField()


class AsyncErrorOutput(serializers.Serializer[Any]):
    message = serializers.CharField()
    type = serializers.CharField()
    param = serializers.CharField(allow_null=True)
    code = serializers.CharField()
    hint = serializers.CharField(allow_null=True)


class AsyncSummaryOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    model = serializers.CharField()
    project = serializers.CharField()
    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=PredictionSource.choices
    )
    status = serializers.ChoiceField(choices=AsyncStatus.choices)
    error = AsyncErrorOutput(allow_null=True, help_text="Of one that failed.")
    prompt_tokens = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    cancel_at = serializers.DateTimeField(
        allow_null=True, help_text="When it ends by itself: `Cancel-After`."
    )
    expires_at = serializers.DateTimeField(
        allow_null=True, help_text="When it is deleted; null before its end."
    )
    urls = UrlsOutput()


class AsyncPredictionOutput(AsyncSummaryOutput):
    queue_position = serializers.IntegerField(
        allow_null=True,
        help_text="1 for the next to begin; null once it has begun, and while it waits "
        "for a limit or for the engine.",
    )
    eta = serializers.IntegerField(
        allow_null=True,
        help_text="Seconds until it is likely to begin: an estimate from its place and "
        "from how long others took lately; null without either.",
    )
    inputs = PromptsField()
    parameters = ParametersField(help_text="As sent, with the seed.")
    output = PredictionOutput(
        allow_null=True,
        help_text="What a direct call answers; of a canceled one, as far as it came.",
    )


class AsyncListOutput(serializers.Serializer[Any]):
    predictions = AsyncSummaryOutput(many=True, help_text="The newest first.")
    next_cursor = serializers.CharField(allow_null=True)
