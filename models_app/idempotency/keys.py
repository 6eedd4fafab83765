"""Who carries out the call of an idempotency key, and what was answered."""

from __future__ import annotations

import atexit
import datetime
import functools

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import ApiToken
from models_app.errors import IdempotencyKeyInUse, IdempotencyKeyReuse
from models_app.idempotency.models import IdempotencyKey
from models_app.tasks.mailboxes import Mailbox, is_alive

KEPT = datetime.timedelta(hours=24)


@transaction.atomic
def claim(api_token: ApiToken, key: str, digest: str) -> IdempotencyKey:
    """The key's row: with an `answer` if there was one, else this process's to fill.

    Raises `IdempotencyKeyReuse` and `IdempotencyKeyInUse`. What a process that died
    had begun begins anew.
    """
    same = IdempotencyKey.objects.select_for_update().filter(
        api_token=api_token, key=key
    )
    row = same.first()
    if row is None:
        try:
            with transaction.atomic():
                return _make(api_token, key, digest)
        except IntegrityError:
            # Another process was first.
            row = same.get()
    if row.created_at > timezone.now() - KEPT:
        if row.digest != digest:
            raise IdempotencyKeyReuse
        if row.answer:
            return row
        if is_alive(row.holder):
            raise IdempotencyKeyInUse(retry_after=1)
    row.delete()
    return _make(api_token, key, digest)


def release(row: IdempotencyKey) -> None:
    """The call came to nothing, and the same one begins anew."""
    IdempotencyKey.objects.filter(pk=row.pk, answer="").delete()


def remember(row: IdempotencyKey, answer: str) -> None:
    IdempotencyKey.objects.filter(pk=row.pk).update(answer=answer)


def forget_old() -> None:
    IdempotencyKey.objects.filter(created_at__lte=timezone.now() - KEPT).delete()


@functools.cache
def own_name() -> str:
    """By which other processes learn whether this one still lives."""
    mailbox = Mailbox("web-")
    atexit.register(mailbox.close)
    return mailbox.name


def _make(api_token: ApiToken, key: str, digest: str) -> IdempotencyKey:
    return IdempotencyKey.objects.create(
        api_token=api_token,
        key=key,
        digest=digest,
        holder=own_name(),
        created_at=timezone.now(),
    )
