"""Forms of the account's own pages."""

from __future__ import annotations

import zoneinfo
from functools import cache
from itertools import groupby
from typing import Any

from django import forms

from accounts.audit import Category
from accounts.models import REASON_LENGTH, User


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    time_zone = forms.ChoiceField(
        help_text="Times on every page are told in it.",
        widget=forms.Select(attrs={"data-time-zone": ""}),
    )

    class Meta:
        model = User
        fields = ["time_zone", "theme"]
        widgets = {"theme": forms.RadioSelect}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["time_zone"].choices = _zones()  # type: ignore[attr-defined]


class ThemeForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ["theme"]


class ActivityForm(forms.Form):
    category = forms.ChoiceField(
        label="About", choices=[("", "Everything"), *Category.choices], required=False
    )
    since = forms.DateField(
        label="From", required=False, widget=forms.DateInput({"type": "date"})
    )
    until = forms.DateField(
        label="To", required=False, widget=forms.DateInput({"type": "date"})
    )


class DeleteAccountForm(forms.Form):
    email = forms.CharField(
        label="Your e-mail address",
        widget=forms.EmailInput({"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.fields["email"].help_text = f"Type {user.email} to say that you mean it."

    def clean_email(self) -> str:
        written: str = self.cleaned_data["email"]
        if written.strip().lower() != self.user.email:
            raise forms.ValidationError(
                "Nothing is deleted: this is not the address of your account."
            )
        return written


class DecisionForm(forms.Form):
    """What staff decide about a request, and why if they want to say so."""

    decision = forms.ChoiceField(choices=[("accept", "Accept"), ("refuse", "Refuse")])
    reason = forms.CharField(required=False, max_length=REASON_LENGTH)

    @property
    def accepts(self) -> bool:
        return bool(self.cleaned_data["decision"] == "accept")


class FirstStaffForm(forms.Form):
    code = forms.CharField(
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
        max_length=100,
    )


@cache
def _zones() -> list[tuple[str, list[tuple[str, str]] | str]]:
    """Every zone, under its continent, said as people say it."""
    names = sorted(name for name in zoneinfo.available_timezones() if _is_place(name))
    grouped = [
        (continent, [(name, _place(name)) for name in group])
        for continent, group in groupby(names, key=lambda name: name.split("/")[0])
    ]
    return [("UTC", "UTC"), *grouped]


def _is_place(name: str) -> bool:
    return "/" in name and not name.startswith(("Etc/", "SystemV/", "posix/", "right/"))


def _place(name: str) -> str:
    return name.split("/", 1)[1].replace("/", ", ").replace("_", " ")
