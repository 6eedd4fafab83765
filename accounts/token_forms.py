"""The forms of the dashboard's API tokens."""

from __future__ import annotations

import datetime
from typing import Any

from django import forms
from django.utils import timezone

from accounts.api_tokens import GRACE_PERIODS
from accounts.limit_fields import PREFIX, chosen_limits, limit_fields
from accounts.models import Project, Scope, User
from accounts.offers import offers
from accounts.tiers import LIMIT_KINDS
from accounts.token_options import TokenOptions

LIFETIMES = (
    ("", "Never"),
    (7, "7 days"),
    (30, "30 days"),
    (90, "90 days"),
    (365, "A year"),
)
GRACE_CHOICES = [
    (int(period.total_seconds()), label) for period, label in GRACE_PERIODS.items()
]


class CreateApiTokenForm(forms.Form):
    name = forms.CharField(
        label="Name of a new API token",
        max_length=100,
        widget=forms.TextInput(
            attrs={"placeholder": "nightly summaries", "autocomplete": "off"}
        ),
    )
    project = forms.ModelChoiceField(
        Project.objects.none(), to_field_name="public_id", empty_label=None
    )
    scopes = forms.MultipleChoiceField(
        label="May",
        choices=Scope.choices,
        initial=[Scope.PREDICT],
        widget=forms.CheckboxSelectMultiple,
    )
    lifetime = forms.TypedChoiceField(
        label="Expires after",
        choices=LIFETIMES,
        required=False,
        coerce=int,
        empty_value=None,
    )
    allowed_models = forms.MultipleChoiceField(
        label="Models",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: every model that your tier includes.",
    )

    def __init__(self, data: Any = None, *, user: User, project: Project) -> None:
        # Who posts the name alone chose nothing else.
        if data is not None and "scopes" not in data and "more" not in data:
            data = data.copy()
            data.setlist("scopes", [Scope.PREDICT.value])
        if data is not None and "project" not in data:
            data = data.copy()
            data["project"] = project.public_id
        super().__init__(data, initial={"project": project.public_id})
        self.user = user
        self.fields["project"].queryset = user.projects.active()  # type: ignore[attr-defined]
        self.fields["allowed_models"].choices = [  # type: ignore[attr-defined]
            (offer.slug, offer.name) for offer in offers()
        ]
        kinds = [kind for kind in LIMIT_KINDS if kind.is_per_api_token]
        self.fields.update(limit_fields(kinds, user.limits, {}))

    @property
    def limits(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith(PREFIX)]

    @property
    def has_more_errors(self) -> bool:
        """Whether what is wrong hides behind the further choices."""
        return bool(set(self.errors) - {"name"})

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        self.options(cleaned).require_below(self.user)
        return cleaned

    def options(self, cleaned: dict[str, Any] | None = None) -> TokenOptions:
        chosen = self.cleaned_data if cleaned is None else cleaned
        days = chosen.get("lifetime")
        life = datetime.timedelta(days=days) if days else None
        return TokenOptions(
            scopes=chosen.get("scopes", []),
            expires_at=timezone.now() + life if life else None,
            allowed_models=chosen.get("allowed_models", []),
            own_limits=chosen_limits(chosen),
        )


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
