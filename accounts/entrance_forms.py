"""allauth's forms in Neuro's words: sign-up, sign-in, passwords, second steps."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from allauth.account import forms as account_forms
from allauth.account.utils import filter_users_by_email
from allauth.mfa.base import forms as mfa_forms
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm
from django import forms
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse

from accounts import audit
from accounts.models import User
from accounts.newcomers import address_of_newcomer

RULES = (
    "At least 8 characters. Not one that many people use, not digits alone, "
    "and not much like your address."
)
_ADDRESS, _AGAIN = "E-mail address", "The same once more"


class Worded(forms.Form):
    """A form whose fields say what `words` says.

    The first takes the keyboard, or after a mistake the first with a mistake.
    """

    words: ClassVar[dict[str, str]] = {}
    help_texts: ClassVar[dict[str, str]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label in self.words.items():
            self.fields[name].label = label
            self.fields[name].widget.attrs.pop("placeholder", None)
        for name, text in self.help_texts.items():
            self.fields[name].help_text = text
        if self.words:
            self.give_keyboard_to(next(iter(self.words)))

    def full_clean(self) -> None:
        super().full_clean()
        for name in self.fields:
            if name in self.errors and not self[name].is_hidden:
                self.give_keyboard_to(name)
                break

    def give_keyboard_to(self, name: str) -> None:
        for field in self.fields.values():
            field.widget.attrs.pop("autofocus", None)
        self.fields[name].widget.attrs["autofocus"] = True


class SignUpForm(Worded, account_forms.SignupForm):  # type: ignore[misc]
    """Answers alike, after like work, whether the address has an account or not."""

    words: ClassVar = {"email": _ADDRESS, "password1": "Password"}
    help_texts: ClassVar = {"password1": RULES}

    def validate_unique_email(self, value: str) -> str:
        self.account_already_exists = bool(filter_users_by_email(value))
        return value

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        if self.account_already_exists:
            self._rehearse(request)
            return self._save(request)
        try:
            with transaction.atomic():
                return self._save(request)
        except IntegrityError:  # somebody was faster
            self.account_already_exists = True
            return self._save(request)

    def _save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        saved: tuple[User | None, HttpResponse | None] = super().try_save(request)
        return saved

    def _rehearse(self, request: HttpRequest) -> None:
        """All that a new account takes, undone; then one row, as a new account has."""
        email = self.cleaned_data["email"]
        self.account_already_exists = False
        self.cleaned_data["email"] = f"{uuid.uuid4().hex}@rehearsal.invalid"
        with transaction.atomic():
            self.save(request)
            transaction.set_rollback(True)
        self.cleaned_data["email"] = email
        self.account_already_exists = True
        owner = User.objects.filter(email__iexact=email).first()
        audit.record(user=owner, kind="account.sign_up_repeated", request=request)


class LogInForm(Worded, account_forms.LoginForm):  # type: ignore[misc]
    words: ClassVar = {
        "login": _ADDRESS,
        "password": "Password",
        "remember": "Stay signed in on this device",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].widget.attrs["autocomplete"] = "username"
        if not self.is_bound and (email := address_of_newcomer(self.request)):
            self.initial["login"] = email
        if self.is_bound or "login" in self.initial:
            self.give_keyboard_to("password")


class ReauthenticateForm(Worded, account_forms.ReauthenticateForm):  # type: ignore[misc]
    words: ClassVar = {"password": "Password"}


class ChangePasswordForm(Worded, account_forms.ChangePasswordForm):  # type: ignore[misc]
    words: ClassVar = {
        "oldpassword": "Password until now",
        "password1": "New password",
        "password2": _AGAIN,
    }
    help_texts: ClassVar = {"password1": RULES}


class SetPasswordForm(Worded, account_forms.SetPasswordForm):  # type: ignore[misc]
    words: ClassVar = {"password1": "Password", "password2": _AGAIN}
    help_texts: ClassVar = {"password1": RULES}


class ResetPasswordForm(Worded, account_forms.ResetPasswordForm):  # type: ignore[misc]
    words: ClassVar = {"email": _ADDRESS}


class ResetPasswordKeyForm(Worded, account_forms.ResetPasswordKeyForm):  # type: ignore[misc]
    words: ClassVar = {"password1": "New password", "password2": _AGAIN}
    help_texts: ClassVar = {"password1": RULES}


class ChangeAddressForm(Worded, account_forms.AddEmailForm):  # type: ignore[misc]
    words: ClassVar = {"email": "New e-mail address"}


class SecondStepForm(Worded, mfa_forms.AuthenticateForm):  # type: ignore[misc]
    words: ClassVar = {"code": "Code"}


class ConfirmWithCodeForm(Worded, mfa_forms.ReauthenticateForm):  # type: ignore[misc]
    words: ClassVar = {"code": "Code"}


class AuthenticatorAppForm(Worded, ActivateTOTPForm):  # type: ignore[misc]
    words: ClassVar = {"code": "Code from the app"}


class AddPasskeyForm(Worded, AddWebAuthnForm):  # type: ignore[misc]
    """Passkeys sign in by themselves unless their owner wants otherwise."""

    words: ClassVar = {"name": "Name"}
    help_texts: ClassVar = {"name": "To tell it from others you may add."}

    name = forms.CharField(required=False, max_length=100)
    passwordless = forms.BooleanField(
        label="Sign in with this passkey alone",
        required=False,
        initial=True,
        help_text="Your device then asks for its PIN, your finger or your face. "
        "Without this, it is a second step after your password.",
    )


class RenamePasskeyForm(Worded, EditWebAuthnForm):  # type: ignore[misc]
    name = forms.CharField(max_length=100)
    words: ClassVar = {"name": "Name"}
