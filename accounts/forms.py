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
                attrs={"placeholder": "my script", "autocomplete": "off"}
            )
        }
        help_texts = {"name": "Where you will use it, so that you know it again."}


class ChangeTierForm(forms.Form):
    tier = forms.TypedChoiceField(choices=Tier.choices, coerce=Tier)
