"""Where allauth asks Neuro: sign-up, who may sign in, and when to ask again."""

from __future__ import annotations

from typing import Any, ClassVar

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.email_verification import (
    consume_email_verification_rate_limit,
)
from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.sites.shortcuts import get_current_site
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest

from accounts import audit, fresh_sign_in, sealed
from accounts.mailing import hand_over
from accounts.models import User
from accounts.newcomers import is_admitted
from accounts.services import set_up_account
from accounts.throttled import too_many_attempts

_CONFIRM_WITH = {
    "reauthenticate": "Use your password",
    "mfa_reauthenticate": "Use a code from your app",
    "mfa_reauthenticate:webauthn": "Use a passkey",
}
_TOO_MANY = ("too_many_login_attempts", "rate_limited")
_EMAIL_VERIFICATION = "allauth.account.stages.EmailVerificationStage"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    error_messages: ClassVar = DefaultAccountAdapter.error_messages | {
        "duplicate_email": "This is your address already.",
        "enter_current_password": "This is not your password until now.",
        "incorrect_code": "This code is not right. It may be too old: enter a new one.",
        "incorrect_password": "This password is not right.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return settings.REGISTRATION != "closed"

    def save_user(
        self, request: HttpRequest, user: User, form: Any, commit: bool = True
    ) -> User:
        user.awaits_approval = settings.REGISTRATION == "approval"
        with transaction.atomic():
            saved: User = super().save_user(request, user, form, commit=commit)
            if commit:
                set_up_account(user=saved)
                audit.record(user=saved, kind="account.created", request=request)
        return saved

    def get_login_stages(self) -> list[str]:
        """A confirmed address comes first, then what newcomers wait for."""
        stages: list[str] = super().get_login_stages()
        stages.insert(
            stages.index(_EMAIL_VERIFICATION) + 1, "accounts.newcomers.NewcomerStage"
        )
        return stages

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """Whom nobody has let in yet is told what a wrong password is told.

        Else signing up, and in with the same password, would tell whether the address
        had an account before.
        """
        user: User | None = super().authenticate(request, **credentials)
        if user is None or is_admitted(user):
            return user
        # A success is not counted, and not being counted would tell as well.
        self.pre_authenticate(request, **credentials)
        self.authentication_failed(request, **credentials)
        if settings.MAIL_IS_CONFIGURED:
            _remind_to_confirm(request, user)
        return None

    def validation_error(self, code: str, *args: Any) -> ValidationError:
        if code in _TOO_MANY:
            raise ImmediateHttpResponse(too_many_attempts(self.request))
        if code == "email_password_mismatch":
            return ValidationError(_not_correct(), code=code)
        error: ValidationError = super().validation_error(code, *args)
        return error

    def send_mail(self, template_prefix: str, email: str, context: Any) -> None:
        """Nobody waits for the mail server, so how long it takes tells nothing."""
        site = get_current_site(self.request)
        context = {"request": self.request, "email": email, "current_site": site} | (
            context
        )
        hand_over(self.render_mail(template_prefix, email, context))

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """One row whether the address is known or not, so that time tells nothing."""
        user = User.objects.filter(email__iexact=credentials.get("email", "")).first()
        audit.record(
            user=user, kind="login.failed", request=request, reason="wrong password"
        )

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        return not fresh_sign_in.is_fresh(self.request)

    def get_reauthentication_methods(self, user: User) -> list[dict[str, str]]:
        methods: list[dict[str, str]] = super().get_reauthentication_methods(user)
        return [
            method | {"description": _CONFIRM_WITH[method["id"]]} for method in methods
        ]


class SecondStepAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    error_messages: ClassVar = DefaultMFAAdapter.error_messages | {
        "incorrect_code": "This code is not right. It may be too old: enter a new one.",
    }

    def encrypt(self, text: str) -> str:
        return sealed.seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return sealed.unseal(encrypted_text)

    def generate_authenticator_name(self, user: User, type: str) -> str:
        known = Authenticator.objects.filter(user=user, type=type).count()
        return "Passkey" if known == 0 else f"Passkey {known + 1}"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        entity: dict[str, str] = super().get_public_key_credential_rp_entity()
        return entity | {"name": "Neuro"}


def _not_correct() -> str:
    """The same for a wrong password, an unknown address, and who is not let in yet."""
    sentences = ["The address or the password is not correct."]
    if settings.MAIL_IS_CONFIGURED:
        sentences.append(
            "If it is an address that was never confirmed, a link to do so is on its way."
        )
    if settings.REGISTRATION == "approval":
        sentences.append("A new account opens once staff have accepted it.")
    return " ".join(sentences)


def _remind_to_confirm(request: HttpRequest, user: User) -> None:
    address, _ = EmailAddress.objects.get_or_create(user=user, email=user.email)
    is_due = not address.verified and consume_email_verification_rate_limit(
        request, address.email
    )
    if is_due:
        address.send_confirmation(request)
