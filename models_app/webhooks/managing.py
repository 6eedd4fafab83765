"""The webhooks of a project: add, change, delete; and deliveries sent once more."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.errors import Conflict
from accounts.models import Project
from models_app.errors import WebhookNotFound
from models_app.webhooks.announcing import enqueue
from models_app.webhooks.calls import require_address
from models_app.webhooks.events import require_known
from models_app.webhooks.models import Webhook, WebhookDelivery
from models_app.webhooks.secrets_of_projects import ensure_secret

MOST_OF_A_PROJECT = 10


@transaction.atomic
def add_webhook(
    *, project: Project, url: str, events: Sequence[str] = (), description: str = ""
) -> tuple[Webhook, str | None]:
    """The webhook, and the project's secret if it had none until now."""
    require_address(url, param="url")
    wanted = require_known(events, param="events")
    secret = ensure_secret(project)
    # The secret's lock on the project has those that come at once stand in line.
    if project.webhooks.count() >= MOST_OF_A_PROJECT:
        raise Conflict(f"A project has at most {MOST_OF_A_PROJECT} webhooks.")
    webhook = Webhook.objects.create(
        project=project, url=url, events=wanted, description=description
    )
    _note("webhook.created", webhook)
    return webhook, secret


@transaction.atomic
def change_webhook(
    webhook: Webhook,
    *,
    url: str | None = None,
    events: Sequence[str] | None = None,
    description: str | None = None,
    is_enabled: bool | None = None,
) -> None:
    """What is left out stays. Deliveries that wait go where it then points."""
    if url is not None:
        require_address(url, param="url")
        webhook.url = url
    if events is not None:
        webhook.events = require_known(events, param="events")
    if description is not None:
        webhook.description = description
    if is_enabled is not None and is_enabled != webhook.is_enabled:
        webhook.disabled_at = None if is_enabled else timezone.now()
        webhook.disabled_by = "" if is_enabled else Webhook.DisabledBy.OWNER
    webhook.save(
        update_fields=["url", "events", "description", "disabled_at", "disabled_by"]
    )
    _note("webhook.changed", webhook)


@transaction.atomic
def delete_webhook(webhook: Webhook) -> None:
    """With the log of its deliveries; what waits is not sent any more."""
    _note("webhook.deleted", webhook)
    webhook.delete()


def find_webhook(project: Project, public_id: str) -> Webhook:
    found = Webhook.objects.select_related("project__user").filter(
        project=project, public_id=public_id
    )
    webhook = found.first()
    if webhook is None:
        raise WebhookNotFound
    return webhook


def find_delivery(project: Project, public_id: str) -> WebhookDelivery:
    found = WebhookDelivery.objects.select_related("project", "webhook").filter(
        project=project, public_id=public_id
    )
    delivery = found.first()
    if delivery is None:
        raise WebhookNotFound
    return delivery


@transaction.atomic
def resend(delivery: WebhookDelivery) -> None:
    """The same message, with the same id, at once and with all attempts anew."""
    if not delivery.can_be_resent:
        raise Conflict("What this delivery said is kept no longer.")
    if delivery.webhook and not delivery.webhook.is_enabled:
        raise Conflict("Its webhook is switched off; switch it on first.")
    enqueue(delivery)


def _note(kind: str, webhook: Webhook) -> None:
    project = webhook.project
    audit.record(user=project.user, kind=kind, name=project.name, url=webhook.url)
