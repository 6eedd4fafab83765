"""The secret that signs the webhooks of a project: made, shown once, replaced."""

from __future__ import annotations

import datetime

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import Project
from accounts.sealed import seal, unseal
from models_app.webhooks.models import WebhookSecret
from models_app.webhooks.signing import new_secret

LONGEST_GRACE = datetime.timedelta(days=30)
NO_GRACE = datetime.timedelta()


def secret_of(project: Project) -> WebhookSecret | None:
    return WebhookSecret.objects.filter(project=project).first()


@transaction.atomic
def ensure_secret(project: Project) -> str | None:
    """The plaintext, if the project had none until now."""
    _lock(project)
    if secret_of(project) is not None:
        return None
    return _create(project)


@transaction.atomic
def renew_secret(project: Project, *, grace: datetime.timedelta = NO_GRACE) -> str:
    """A new one; that of before signs beside it for `grace`, and any before it no more."""
    _lock(project)
    secret = secret_of(project)
    if secret is None:
        return _create(project)
    plaintext, now = new_secret(), timezone.now()
    secret.previous_sealed = secret.sealed if grace else ""
    secret.previous_expires_at = now + grace if grace else None
    secret.sealed, secret.rotated_at = seal(plaintext), now
    secret.save()
    audit.record(user=project.user, kind="webhook_secret.rotated", name=project.name)
    return plaintext


def secrets_in_use(project: Project) -> list[str]:
    """Those that sign now, the newest first."""
    secret = secret_of(project)
    if secret is None:
        return []
    sealed = [secret.sealed]
    if secret.is_rotating and secret.previous_sealed:
        sealed.append(secret.previous_sealed)
    return [unseal(one) for one in sealed]


def _create(project: Project) -> str:
    plaintext = new_secret()
    WebhookSecret.objects.create(project=project, sealed=seal(plaintext))
    audit.record(user=project.user, kind="webhook_secret.created", name=project.name)
    return plaintext


def _lock(project: Project) -> None:
    Project.objects.select_for_update().only("pk").get(pk=project.pk)
