"""What the routes of webhooks take and give."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from models_app.api.pages import PageQuery
from models_app.api.serializers import StrictSerializer
from models_app.webhooks.addresses import LONGEST_URL
from models_app.webhooks.events import EVENTS
from models_app.webhooks.models import LONGEST_DESCRIPTION, DeliveryStatus, Webhook
from models_app.webhooks.secrets_of_projects import LONGEST_GRACE

_EVENTS_HELP = "Those that it is told; all of them where there are none."


def _url_field(**options: Any) -> serializers.CharField:
    return serializers.CharField(max_length=LONGEST_URL, **options)


def _description_field(**options: Any) -> serializers.CharField:
    return serializers.CharField(
        max_length=LONGEST_DESCRIPTION,
        allow_blank=True,
        help_text="What it is for.",
        **options,
    )


class EventsField(serializers.ListField):
    child = serializers.ChoiceField(choices=list(EVENTS))

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=len(EVENTS), help_text=_EVENTS_HELP, **options)


class CreateWebhookInput(StrictSerializer):
    url = _url_field()
    events = EventsField(default=list)
    description = _description_field(default="")


class ChangeWebhookInput(StrictSerializer):
    url = _url_field(required=False)
    events = EventsField(required=False)
    description = _description_field(required=False)
    is_enabled = serializers.BooleanField(required=False)


class RenewSecretInput(StrictSerializer):
    grace_seconds = serializers.IntegerField(
        default=0,
        min_value=0,
        max_value=int(LONGEST_GRACE.total_seconds()),
        help_text="How long the secret of before signs beside it.",
    )


class WebhookOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    url = serializers.CharField()
    events = EventsField()
    description = _description_field()
    is_enabled = serializers.BooleanField()
    disabled_by = serializers.ChoiceField(
        choices=Webhook.DisabledBy.choices, allow_null=True
    )
    disabled_at = serializers.DateTimeField(allow_null=True)
    last_delivered_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class WebhookListOutput(serializers.Serializer[Any]):
    webhooks = WebhookOutput(many=True)


class NewWebhookOutput(WebhookOutput):
    secret = serializers.CharField(
        allow_null=True,
        help_text="Of the project, if it had none before. It is shown this once.",
    )


class SecretOutput(serializers.Serializer[Any]):
    created_at = serializers.DateTimeField(allow_null=True)
    rotated_at = serializers.DateTimeField(allow_null=True)
    previous_expires_at = serializers.DateTimeField(
        allow_null=True, help_text="Until then the one of before signs as well."
    )


class NewSecretOutput(SecretOutput):
    secret = serializers.CharField(help_text="It is shown this once.")


class DeliveriesQuery(PageQuery):
    salt = "neuro.webhook_deliveries"
    lookups = {"webhook": "webhook__public_id", "status": "status", "event": "event"}

    webhook = serializers.CharField(max_length=24, required=False)
    status = serializers.ChoiceField(choices=DeliveryStatus.choices, required=False)
    event = serializers.CharField(max_length=50, required=False)


class AttemptOutput(serializers.Serializer[Any]):
    started_at = serializers.DateTimeField()
    duration_ms = serializers.IntegerField()
    response_status = serializers.IntegerField(allow_null=True)
    problem = serializers.CharField(
        allow_null=True, help_text="Why there was no answer."
    )


class DeliverySummaryOutput(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="`webhook-id` is this after `msg_`.")
    webhook = serializers.CharField(
        allow_null=True, help_text="Its id; null where a call named the address."
    )
    url = serializers.CharField()
    event = serializers.CharField()
    subject = serializers.CharField(
        allow_null=True, help_text="The prediction or batch that it is about."
    )
    status = serializers.ChoiceField(choices=DeliveryStatus.choices)
    failures = serializers.IntegerField(help_text="Attempts since it was last asked.")
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class DeliveryOutput(DeliverySummaryOutput):
    attempts = AttemptOutput(many=True, help_text="The first one first.")
    payload = serializers.CharField(
        allow_null=True, help_text="The body as it is sent; null once it is deleted."
    )


class DeliveryListOutput(serializers.Serializer[Any]):
    deliveries = DeliverySummaryOutput(many=True, help_text="The newest first.")
    next_cursor = serializers.CharField(allow_null=True)
