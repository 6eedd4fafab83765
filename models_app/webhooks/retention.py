"""The log of deliveries is kept for a month; what they said, as long as predictions."""

from __future__ import annotations

import datetime

from django.conf import settings
from django.utils import timezone

from models_app.webhooks.models import WebhookDelivery

LOG_DAYS = 30


def forget_deliveries() -> None:
    """A chore of the worker."""
    now = timezone.now()
    kept = datetime.timedelta(hours=settings.KEEP_PREDICTIONS_HOURS)
    old = WebhookDelivery.objects.filter(created_at__lt=now - kept)
    old.exclude(payload="").update(payload="")
    log_begins_at = now - datetime.timedelta(days=LOG_DAYS)
    WebhookDelivery.objects.filter(created_at__lt=log_begins_at).delete()
