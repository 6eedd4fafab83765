from __future__ import annotations

from django import forms

from accounts.models import ApiToken
from accounts.tiers import Tier


class ApiTokenForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = ApiToken
        fields = ["name"]
        widgets = {
            "name": forms.TextInput(
                attrs={"placeholder": "nightly summaries", "autocomplete": "off"}
            )
        }
        labels = {"name": "Name of a new API token"}


class ChangeTierForm(forms.Form):
    tier = forms.TypedChoiceField(choices=Tier.choices, coerce=Tier)
