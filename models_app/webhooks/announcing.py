"""From something that has happened to deliveries of it, in one transaction with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.errors import Conflict
from accounts.models import Project
from accounts.prepared import INTEGER, Given, PreparedRows
from models_app.api.asynchronous_rendering import homeless_json
from models_app.asynchronous.models import AsyncPrediction
from models_app.batches.models import Batch
from models_app.batches.rendering import batch_json
from models_app.batches.service import counts
from models_app.tasks import queue
from models_app.webhooks.delivering import deliver
from models_app.webhooks.events import TEST
from models_app.webhooks.models import DeliveryStatus, Webhook, WebhookDelivery
from models_app.webhooks.payloads import payload_of

_enabled_of = PreparedRows(
    lambda: Webhook.objects.enabled().filter(project=Given("project", INTEGER))
)


def announce_end(prediction: AsyncPrediction) -> None:
    """For `AFTER_END` of asynchronous predictions."""
    announce(
        project=prediction.project,
        event=f"prediction.{prediction.status}",
        subject=prediction.public_id,
        data=lambda: homeless_json(prediction),
        of_call=prediction.webhook,
    )


def announce_end_of_batch(batch: Batch) -> None:
    """For `AFTER_END` of batches."""
    announce(
        project=batch.project,
        event=f"batch.{batch.status}",
        subject=batch.public_id,
        data=lambda: batch_json(batch, counts([batch])[batch.pk]),
        of_call=batch.webhook,
    )


@transaction.atomic
def announce(
    *,
    project: Project,
    event: str,
    subject: str,
    data: Callable[[], object],
    of_call: dict[str, Any] | None = None,
) -> None:
    """Tell every webhook of the project that wants the event, and the one that the call
    named (`webhook_of_call`). `data` is asked for only if somebody wants it."""
    asked = of_call if of_call and _wants(of_call, event) else {}
    webhooks = [
        one
        for one in _enabled_of.fetch(project=project.pk)
        if one.wants(event) or one.public_id == asked.get("webhook")
    ]
    named = asked.get("url", "")
    if not webhooks and not named:
        return
    payload = payload_of(event, data(), at=timezone.now())
    about: dict[str, Any] = {
        "project": project,
        "event": event,
        "subject": subject,
        "payload": payload,
    }
    for webhook in webhooks:
        enqueue(WebhookDelivery(webhook=webhook, **about))
    if named:
        enqueue(WebhookDelivery(url=named, **about))


@transaction.atomic
def announce_test(webhook: Webhook) -> WebhookDelivery:
    """Something to see on the other side, whatever the webhook wants otherwise."""
    if not webhook.is_enabled:
        raise Conflict("The webhook is switched off; switch it on first.")
    delivery = WebhookDelivery(
        project=webhook.project,
        webhook=webhook,
        event=TEST,
        payload=payload_of(TEST, {"webhook": webhook.public_id}, at=timezone.now()),
    )
    enqueue(delivery)
    return delivery


def enqueue(delivery: WebhookDelivery) -> None:
    """Deliver it from now on, with as many attempts as a new one."""
    delivery.status = DeliveryStatus.PENDING
    delivery.failures = 0
    delivery.next_attempt_at = timezone.now()
    delivery.task_id = deliver.enqueue(delivery.public_id).id
    delivery.save()
    queue.wake_on_commit()


def _wants(of_call: dict[str, Any], event: str) -> bool:
    return not of_call["events"] or event in of_call["events"]
