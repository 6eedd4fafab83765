"""Brings into the audit log what Django and allauth do to an account."""

from __future__ import annotations

from typing import Any

from allauth.account import signals as account_signals
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.models import EmailAddress
from allauth.mfa import signals as mfa_signals
from allauth.mfa.models import Authenticator
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.http import HttpRequest

from accounts import audit, fresh_sign_in
from accounts.models import User
from accounts.registration import tell_staff_of_waiting

METHODS: dict[str, str] = {
    Authenticator.Type.TOTP: "an authenticator app",
    Authenticator.Type.WEBAUTHN: "a passkey",
    Authenticator.Type.RECOVERY_CODES: "recovery codes",
}


def connect() -> None:
    user_logged_in.connect(_signed_in)
    user_logged_out.connect(_signed_out)
    account_signals.authentication_step_completed.connect(_step_completed)
    account_signals.email_confirmed.connect(_email_confirmed)
    account_signals.email_changed.connect(_email_changed)
    for signal, kind in (
        (account_signals.password_changed, "password.changed"),
        (account_signals.password_set, "password.changed"),
        (account_signals.password_reset, "password.reset"),
    ):
        signal.connect(_recorder(kind), weak=False)
    for signal, kind in (
        (mfa_signals.authenticator_added, "mfa.added"),
        (mfa_signals.authenticator_removed, "mfa.removed"),
        (mfa_signals.authenticator_reset, "mfa.renewed"),
    ):
        signal.connect(_mfa_recorder(kind), weak=False)
    mfa_signals.authentication_failed.connect(_second_step_failed)


def _signed_in(*, request: HttpRequest, user: User, **kwargs: Any) -> None:
    fresh_sign_in.note(request)
    audit.record(
        user=user, kind="login.succeeded", request=request, method=_how(request, user)
    )


def _signed_out(*, request: HttpRequest, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        audit.record(user=user, kind="logout", request=request)


def _step_completed(*, request: HttpRequest, **kwargs: Any) -> None:
    if kwargs.get("reauthenticated"):
        fresh_sign_in.note(request)


def _email_confirmed(
    *, request: HttpRequest, email_address: EmailAddress, **kwargs: Any
) -> None:
    user = email_address.user
    audit.record(user=user, kind="email.confirmed", email=email_address.email)
    if user.awaits_approval:
        tell_staff_of_waiting(user=user, request=request)


def _email_changed(
    *,
    user: User,
    from_email_address: EmailAddress | None,
    to_email_address: EmailAddress,
    **kwargs: Any,
) -> None:
    before = from_email_address.email if from_email_address else "none"
    audit.record(
        user=user, kind="email.changed", before=before, after=to_email_address.email
    )


def _recorder(kind: str) -> Any:
    def receive(*, request: HttpRequest, user: User, **kwargs: Any) -> None:
        audit.record(user=user, kind=kind, request=request)

    return receive


def _mfa_recorder(kind: str) -> Any:
    def receive(
        *,
        request: HttpRequest,
        user: User,
        authenticator: Authenticator,
        **kwargs: Any,
    ) -> None:
        audit.record(
            user=user, kind=kind, request=request, method=METHODS[authenticator.type]
        )

    return receive


def _second_step_failed(*, request: HttpRequest, user: User, **kwargs: Any) -> None:
    audit.record(user=user, kind="login.failed", request=request, reason="wrong code")


def _how(request: HttpRequest, user: User) -> str:
    """What the visitor has shown, in the order of it."""
    records = get_authentication_records(request, user)
    methods = [METHODS.get(str(record.get("type")), "a password") for record in records]
    return " and ".join(dict.fromkeys(methods)) or "a new account"
