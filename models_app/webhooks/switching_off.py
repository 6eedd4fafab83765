"""A webhook that only fails is switched off, and its owner hears of it."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import audit
from accounts.mailing import send_soon
from models_app.webhooks.models import Webhook, WebhookDelivery

_REASONS = {
    Webhook.DisabledBy.FAILURES: "nothing was delivered for a day",
    Webhook.DisabledBy.RECEIVER: "it answered 410 Gone",
}


def after_giving_up(delivery: WebhookDelivery) -> None:
    """Only if nothing at all has reached it since this delivery began."""
    if delivery.webhook is None:
        return
    since = Q(last_delivered_at=None) | Q(last_delivered_at__lt=delivery.created_at)
    _switch_off(delivery.webhook, Webhook.DisabledBy.FAILURES, since)


def after_gone(delivery: WebhookDelivery) -> None:
    if delivery.webhook is not None:
        _switch_off(delivery.webhook, Webhook.DisabledBy.RECEIVER, Q())


def _switch_off(webhook: Webhook, by: Webhook.DisabledBy, where: Q) -> None:
    """Once, however many deliveries find so at the same time."""
    enabled = Webhook.objects.enabled().filter(where, pk=webhook.pk)
    if not enabled.update(disabled_at=timezone.now(), disabled_by=by):
        return
    project, reason = webhook.project, _REASONS[by]
    details = {"name": project.name, "url": webhook.url, "reason": reason}
    audit.record(
        user=project.user,
        kind="webhook.disabled",
        name=project.name,
        url=webhook.url,
        reason=reason,
    )
    to = [project.user.email]
    transaction.on_commit(
        lambda: send_soon("webhook_disabled", to=to, context=details), robust=True
    )
