"""The `webhook` that a single call or batch names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from accounts.models import Project
from models_app.errors import InvalidInput, WebhookSecretMissing
from models_app.webhooks.addresses import AddressRefused, read_target
from models_app.webhooks.events import require_known
from models_app.webhooks.secrets_of_projects import secret_of


def webhook_of_call(
    project: Project, named: str | None, events: Sequence[str] | None
) -> dict[str, Any] | None:
    """What `create` keeps of it, or `None` if the call names none. `named` is an address
    or the id of one of the project's webhooks.

    Raises `InvalidInput` for an address or an event that cannot be, and
    `WebhookSecretMissing` where nothing could sign.
    """
    wanted = require_known(events or [], param="webhook_events_filter")
    if not named:
        if wanted:
            raise InvalidInput(
                "webhook_events_filter needs a webhook.", param="webhook_events_filter"
            )
        return None
    if "/" not in named:
        return {"webhook": _id_of_webhook(project, named), "events": wanted}
    require_address(named, param="webhook")
    if secret_of(project) is None:
        raise WebhookSecretMissing(param="webhook")
    return {"url": named, "events": wanted}


def address_of_call(project: Project, kept: dict[str, Any] | None) -> str:
    """Where what `webhook_of_call` kept leads to now; empty if nowhere any more."""
    if not kept:
        return ""
    webhook = project.webhooks.filter(public_id=kept.get("webhook", "")).first()
    return webhook.url if webhook else str(kept.get("url", ""))


def require_address(url: str, *, param: str) -> None:
    try:
        read_target(url)
    except AddressRefused as refusal:
        raise InvalidInput(str(refusal), param=param) from refusal


def _id_of_webhook(project: Project, public_id: str) -> str:
    if not project.webhooks.filter(public_id=public_id).exists():
        raise InvalidInput(
            f"The project has no webhook {public_id[:50]!r}.",
            hint="Name one by its id, or an address that begins with https://.",
            param="webhook",
        )
    return public_id
