"""The forms of the dashboard's API tokens."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.formats import date_format

from accounts.api_tokens import GRACE_PERIODS
from accounts.limit_fields import PREFIX, chosen_limits, limit_fields
from accounts.models import ApiToken, Project, Scope, User
from accounts.offers import offers
from accounts.storable import validate_name
from accounts.tiers import LIMIT_KINDS
from accounts.token_options import TokenOptions

LIFETIMES = (
    ("", "Never"),
    (7, "7 days"),
    (30, "30 days"),
    (90, "90 days"),
    (365, "A year"),
)
UNCHANGED, NEVER = "unchanged", "never"
GRACE_CHOICES = [
    (int(period.total_seconds()), label) for period, label in GRACE_PERIODS.items()
]


class TokenOptionsForm(forms.Form):
    """What every API token can be told. Who posts no option chose the name alone."""

    name = forms.CharField(
        max_length=100,
        validators=[validate_name],
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label="May",
        choices=Scope.choices,
        initial=[Scope.PREDICT],
        widget=forms.CheckboxSelectMultiple,
    )
    allowed_models = forms.MultipleChoiceField(
        label="Models",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: every model that your tier includes.",
    )

    def __init__(
        self,
        data: Any = None,
        *,
        user: User,
        initial: dict[str, Any],
        own_limits: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(data, initial=initial)
        self.user = user
        self.fields["allowed_models"].choices = [  # type: ignore[attr-defined]
            (offer.slug, offer.name) for offer in offers()
        ]
        kinds = [kind for kind in LIMIT_KINDS if kind.is_per_api_token]
        self.fields.update(limit_fields(kinds, user.limits, own_limits or {}))

    @property
    def limits(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith(PREFIX)]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        self.options(cleaned).require_below(self.user)
        return cleaned

    def options(self, cleaned: dict[str, Any] | None = None) -> TokenOptions:
        chosen = self.cleaned_data if cleaned is None else cleaned
        return TokenOptions(
            scopes=chosen.get("scopes", []),
            expires_at=self.expires_at(chosen.get("lifetime")),
            allowed_models=chosen.get("allowed_models", []),
            own_limits=chosen_limits(chosen),
        )

    def expires_at(self, lifetime: Any) -> datetime.datetime | None:
        return timezone.now() + datetime.timedelta(days=lifetime) if lifetime else None


class CreateApiTokenForm(TokenOptionsForm):
    project = forms.ModelChoiceField(
        Project.objects.none(), to_field_name="public_id", empty_label=None
    )
    lifetime = forms.TypedChoiceField(
        label="Expires after",
        choices=LIFETIMES,
        required=False,
        coerce=int,
        empty_value=None,
    )

    def __init__(self, data: Any = None, *, user: User, project: Project) -> None:
        # Who posts the name alone chose nothing else.
        if data is not None and "scopes" not in data and "more" not in data:
            data = data.copy()
            data.setlist("scopes", [Scope.PREDICT.value])
        if data is not None and "project" not in data:
            data = data.copy()
            data["project"] = project.public_id
        super().__init__(data, user=user, initial={"project": project.public_id})
        self.fields["project"].queryset = user.projects.active()  # type: ignore[attr-defined]
        self.fields["name"].label = "Name of a new API token"
        self.fields["name"].widget.attrs["placeholder"] = "nightly summaries"

    @property
    def has_more_errors(self) -> bool:
        """Whether what is wrong hides behind the further choices."""
        return bool(set(self.errors) - {"name"})


class EditApiTokenForm(TokenOptionsForm):
    """Filled with what the API token may do now."""

    lifetime = forms.ChoiceField(label="Expires", required=False)

    def __init__(self, data: Any = None, *, api_token: ApiToken) -> None:
        super().__init__(
            data,
            user=api_token.user,
            initial={
                "name": api_token.name,
                "scopes": api_token.scopes,
                "allowed_models": api_token.allowed_models,
                "lifetime": UNCHANGED,
            },
            own_limits=api_token.own_limits,
        )
        self.api_token = api_token
        self.fields["lifetime"].choices = self._lifetimes()  # type: ignore[attr-defined]
        models: Any = self.fields["allowed_models"]
        gone = set(api_token.allowed_models) - {slug for slug, _ in models.choices}
        # Else saving would drop them, and none left would allow every one.
        models.choices += [(slug, f"{slug} (not offered)") for slug in sorted(gone)]

    @property
    def widens(self) -> bool:
        """Whether the API token could do more than it may now."""
        return bool(self.options().excess_over(self.api_token))

    def expires_at(self, lifetime: Any) -> datetime.datetime | None:
        if lifetime in (None, "", UNCHANGED):
            return self.api_token.expires_at
        return None if lifetime == NEVER else super().expires_at(int(lifetime))

    def _lifetimes(self) -> list[tuple[str, str]]:
        expires_at = self.api_token.expires_at
        now = (
            date_format(timezone.localtime(expires_at), "j M Y, H:i")
            if expires_at
            else "never"
        )
        return [
            (UNCHANGED, f"As it is: {now}"),
            *((str(days), f"{label} from now") for days, label in LIFETIMES if days),
            *([(NEVER, "Never")] if expires_at else []),
        ]


class RotateApiTokenForm(forms.Form):
    grace = forms.TypedChoiceField(
        label="The old value ends", choices=GRACE_CHOICES, coerce=int
    )

    @property
    def period(self) -> datetime.timedelta:
        return datetime.timedelta(seconds=self.cleaned_data["grace"])


class ProjectForm(forms.Form):
    name = forms.CharField(
        max_length=100,
        widget=forms.TextInput(attrs={"placeholder": "Thesis", "autocomplete": "off"}),
    )
