from __future__ import annotations

from django import forms

from accounts.tiers import Tier


class ChangeTierForm(forms.Form):
    tier = forms.TypedChoiceField(choices=Tier.choices, coerce=Tier)
