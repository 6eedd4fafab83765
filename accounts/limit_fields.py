"""Form fields for limits, one for each of some kinds; an empty one leaves it as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from accounts.tiers import LimitKind, TierLimits

PREFIX = "limit_"


def limit_fields(
    kinds: Iterable[LimitKind], current: TierLimits, chosen: Mapping[str, int]
) -> dict[str, forms.IntegerField]:
    """Named `limit_<name>`; the placeholder is what holds without a choice."""
    return {
        f"{PREFIX}{kind.name}": forms.IntegerField(
            label=kind.label,
            required=False,
            min_value=kind.minimum,
            max_value=kind.maximum,
            initial=chosen.get(kind.name),
            widget=forms.NumberInput(
                attrs={
                    "placeholder": getattr(current, kind.name),
                    "inputmode": "numeric",
                }
            ),
        )
        for kind in kinds
    }


def chosen_limits(cleaned_data: Mapping[str, Any]) -> dict[str, int]:
    return {
        name.removeprefix(PREFIX): value
        for name, value in cleaned_data.items()
        if name.startswith(PREFIX) and value is not None
    }
