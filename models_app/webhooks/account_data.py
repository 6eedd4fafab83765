"""Webhooks hear of what happens, and go into the export without their secrets."""

from __future__ import annotations

from accounts.export import add_section
from accounts.export_sections import section_of
from models_app.asynchronous import finishing as predictions
from models_app.batches import finishing as batches
from models_app.webhooks.announcing import announce_end, announce_end_of_batch
from models_app.webhooks.models import Webhook, WebhookAttempt, WebhookDelivery

_FIELDS = [
    "public_id",
    "created_at",
    "project__name",
    "url",
    "events",
    "description",
    "last_delivered_at",
    "disabled_at",
]
_DELIVERY_FIELDS = [
    "public_id",
    "created_at",
    "project__name",
    "webhook__url",
    "url",
    "event",
    "subject",
    "status",
    "payload",
]
_ATTEMPT_FIELDS = [
    "delivery__public_id",
    "started_at",
    "duration_ms",
    "response_status",
    "problem",
]


def connect() -> None:
    predictions.AFTER_END.append(announce_end)
    batches.AFTER_END.append(announce_end_of_batch)
    add_section(
        section_of(
            "webhooks",
            _FIELDS,
            lambda user: Webhook.objects.filter(project__user=user),
        )
    )
    add_section(
        section_of(
            "webhook_deliveries",
            _DELIVERY_FIELDS,
            lambda user: WebhookDelivery.objects.filter(project__user=user),
        )
    )
    add_section(
        section_of(
            "webhook_attempts",
            _ATTEMPT_FIELDS,
            lambda user: WebhookAttempt.objects.filter(delivery__project__user=user),
        )
    )
