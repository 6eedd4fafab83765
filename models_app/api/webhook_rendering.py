"""Webhooks and their deliveries in the words of the native API."""

from __future__ import annotations

from typing import Any

from models_app.webhooks.models import (
    Webhook,
    WebhookAttempt,
    WebhookDelivery,
    WebhookSecret,
)


def webhook_json(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": webhook.public_id,
        "url": webhook.url,
        "events": webhook.events,
        "description": webhook.description,
        "is_enabled": webhook.is_enabled,
        "disabled_by": webhook.disabled_by or None,
        "disabled_at": webhook.disabled_at,
        "last_delivered_at": webhook.last_delivered_at,
        "created_at": webhook.created_at,
    }


def secret_json(secret: WebhookSecret | None) -> dict[str, Any]:
    if secret is None:
        return {"created_at": None, "rotated_at": None, "previous_expires_at": None}
    return {
        "created_at": secret.created_at,
        "rotated_at": secret.rotated_at,
        "previous_expires_at": secret.previous_expires_at
        if secret.is_rotating
        else None,
    }


def summary_json(delivery: WebhookDelivery) -> dict[str, Any]:
    return {
        "id": delivery.public_id,
        "webhook": delivery.webhook.public_id if delivery.webhook else None,
        "url": delivery.address,
        "event": delivery.event,
        "subject": delivery.subject or None,
        "status": delivery.status,
        "failures": delivery.failures,
        "next_attempt_at": delivery.next_attempt_at,
        "created_at": delivery.created_at,
    }


def delivery_json(delivery: WebhookDelivery) -> dict[str, Any]:
    return {
        **summary_json(delivery),
        "attempts": [_attempt_json(one) for one in delivery.attempts.all()],
        "payload": delivery.payload or None,
    }


def _attempt_json(attempt: WebhookAttempt) -> dict[str, Any]:
    return {
        "started_at": attempt.started_at,
        "duration_ms": attempt.duration_ms,
        "response_status": attempt.response_status,
        "problem": attempt.problem or None,
    }
