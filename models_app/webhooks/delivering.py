"""The task that sends a webhook, and goes on until it is taken or given up.

The attempt is written down after it was made: a worker that dies in between leaves the
task in the queue, and the receiver gets the same message, with the same id, once more.
"""

from __future__ import annotations

import datetime
import logging
import time
import uuid

from django.db import OperationalError, transaction
from django.utils import timezone
from django_tasks import TaskContext, task

from models_app.tasks import queue
from models_app.webhooks import switching_off
from models_app.webhooks.models import (
    DeliveryStatus,
    Webhook,
    WebhookAttempt,
    WebhookDelivery,
)
from models_app.webhooks.schedule import wait_after
from models_app.webhooks.secrets_of_projects import secrets_in_use
from models_app.webhooks.sending import Answer, post
from models_app.webhooks.signing import signed_headers

logger = logging.getLogger(__name__)

# A database that was busy is asked again soon; the message may then come twice.
RETRY_SECONDS = 2.0


@task(queue_name=queue.WEBHOOKS, takes_context=True)
def deliver(context: TaskContext, public_id: str) -> None:
    found = WebhookDelivery.objects.select_related(
        "project__user", "webhook__project__user"
    )
    delivery = found.filter(public_id=public_id, task_id=_id_of(context)).first()
    if delivery is None or delivery.status != DeliveryStatus.PENDING:
        return
    try:
        _attempt(delivery)
    except OperationalError as error:
        logger.exception("the webhook delivery %s waits", public_id)
        raise queue.Postponed(queue.soon(RETRY_SECONDS)) from error
    if delivery.next_attempt_at is not None:
        raise queue.Postponed(delivery.next_attempt_at)


def _attempt(delivery: WebhookDelivery) -> None:
    if not _is_wanted(delivery):
        _end(delivery, DeliveryStatus.FAILED)
        return
    started_at = timezone.now()
    answer = _send(delivery)
    _write_down(delivery, started_at, answer)


def _send(delivery: WebhookDelivery) -> Answer:
    body = delivery.payload.encode()
    signed = signed_headers(
        secrets_in_use(delivery.project),
        message_id=delivery.message_id,
        timestamp=int(time.time()),
        body=body,
    )
    headers = {**signed, "Content-Type": "application/json", "User-Agent": "Neuro"}
    return post(delivery.address, body, headers)


@transaction.atomic
def _write_down(
    delivery: WebhookDelivery, started_at: datetime.datetime, answer: Answer
) -> None:
    if not WebhookDelivery.objects.filter(pk=delivery.pk).exists():
        return  # Its webhook was deleted meanwhile, or its account.
    WebhookAttempt.objects.create(
        delivery=delivery,
        started_at=started_at,
        duration_ms=answer.duration_ms,
        response_status=answer.status,
        problem=answer.problem,
    )
    if answer.is_success:
        _end(delivery, DeliveryStatus.DELIVERED)
        _note_success(delivery.webhook)
    elif answer.is_gone:
        _end(delivery, DeliveryStatus.FAILED)
        switching_off.after_gone(delivery)
    else:
        _note_failure(delivery)


def _note_failure(delivery: WebhookDelivery) -> None:
    failures = delivery.failures + 1
    wait = wait_after(failures)
    if wait is None:
        _end(delivery, DeliveryStatus.FAILED, failures=failures)
        switching_off.after_giving_up(delivery)
        return
    delivery.next_attempt_at = timezone.now() + wait
    _update(delivery, failures=failures, next_attempt_at=delivery.next_attempt_at)


def _note_success(webhook: Webhook | None) -> None:
    if webhook is not None:
        Webhook.objects.filter(pk=webhook.pk).update(last_delivered_at=timezone.now())


def _end(
    delivery: WebhookDelivery, status: DeliveryStatus, *, failures: int | None = None
) -> None:
    delivery.next_attempt_at = None
    _update(
        delivery,
        status=status,
        failures=delivery.failures if failures is None else failures,
        next_attempt_at=None,
    )


def _update(delivery: WebhookDelivery, **changes: object) -> None:
    """Unless somebody has asked for it to be sent anew, which begins afresh."""
    WebhookDelivery.objects.filter(pk=delivery.pk, task_id=delivery.task_id).update(
        **changes
    )


def _is_wanted(delivery: WebhookDelivery) -> bool:
    """Not after its owner or staff have ended what it belongs to."""
    project, webhook = delivery.project, delivery.webhook
    return bool(
        delivery.payload
        and project.user.is_active
        and not project.is_archived
        and (webhook is None or webhook.is_enabled)
    )


def _id_of(context: TaskContext) -> uuid.UUID:
    return uuid.UUID(str(context.task_result.id))
