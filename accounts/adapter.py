"""Where allauth asks Neuro: sign-up, who may sign in, and when to ask again."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.stages import LoginStage
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts import audit, fresh_sign_in, sealed
from accounts.models import User
from accounts.services import set_up_account

_CONFIRM_WITH = {
    "reauthenticate": "Use your password",
    "mfa_reauthenticate": "Use a code from your app",
    "mfa_reauthenticate:webauthn": "Use a passkey",
}
_EMAIL_VERIFICATION = "allauth.account.stages.EmailVerificationStage"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
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
        """Whoever waits for staff gets as far as a confirmed address."""
        stages: list[str] = super().get_login_stages()
        stages.insert(
            stages.index(_EMAIL_VERIFICATION) + 1, "accounts.adapter.ApprovalStage"
        )
        return stages

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


class ApprovalStage(LoginStage):  # type: ignore[misc]
    """Without a user it is an address that has an account already, told alike."""

    key = "approval"

    def handle(self) -> tuple[HttpResponse | None, bool]:
        user = self.login.user
        if user is None or user.awaits_approval:
            return redirect("account_waiting"), False
        return None, True


class SecondStepAdapter(DefaultMFAAdapter):  # type: ignore[misc]
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
