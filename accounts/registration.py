"""Registration by approval: who waits, and what staff decide."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from accounts import audit
from accounts.closing import close_account
from accounts.mailing import send_soon
from accounts.models import User


def waiting() -> QuerySet[User]:
    """Who may be let in: where there is a mail server, only confirmed addresses."""
    users = User.objects.filter(awaits_approval=True).order_by("date_joined")
    if settings.MAIL_IS_CONFIGURED:
        users = users.filter(emailaddress__verified=True)
    return users


def tell_staff_of_waiting(*, user: User, request: HttpRequest) -> None:
    staff = User.objects.filter(is_staff=True, is_active=True)
    page = request.build_absolute_uri(reverse("account_approvals"))
    _mail("approval_asked", staff, newcomer=user.email, page=page)


def approve_account(*, user: User, request: HttpRequest, reason: str = "") -> None:
    """Open the account. Approving twice tells nobody twice."""
    if not User.objects.filter(pk=user.pk, awaits_approval=True).update(
        awaits_approval=False
    ):
        return
    user.awaits_approval = False
    audit.record(user=user, kind="account.approved", request=request)
    page = request.build_absolute_uri(reverse("dashboard"))
    _mail("approval_given", [user], page=page, reason=reason)


def refuse_account(*, user: User, reason: str = "") -> None:
    """Nothing of a refused registration is kept, nor of why: only the mail says it."""
    _mail("approval_refused", [user], reason=reason)
    close_account(user=user)


def _mail(name: str, users: Iterable[User], **context: str) -> None:
    if settings.MAIL_IS_CONFIGURED:
        send_soon(name, to=[user.email for user in users], context=context)
