"""Deleting an account, and with it everything that is theirs."""

from __future__ import annotations

from allauth.usersessions.models import UserSession
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.dispatch import Signal

from accounts.models import User

# Sent with `user` once nothing new can begin and before the rows go: whoever runs work
# for the account ends it.
account_closing = Signal()
# Sent with `api_token` or `project` in the transaction that ends it, for the same reason.
api_token_revoked = Signal()
project_archived = Signal()


def close_account(*, user: User) -> None:
    """Really delete. Running work is ended, API tokens and sessions stop at once."""
    User.objects.filter(pk=user.pk).update(is_active=False)
    for session in UserSession.objects.filter(user=user):
        session.end()
    account_closing.send(sender=User, user=user)
    with transaction.atomic():
        # The administration's own log names what it changed by its address.
        LogEntry.objects.filter(
            content_type=ContentType.objects.get_for_model(User),
            object_id=str(user.pk),
        ).delete()
        user.delete()
