"""Where staff edit limits: of a tier, and of one account."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts import tier_overrides
from accounts.limit_fields import chosen_limits, limit_fields
from accounts.models import TierOverride
from accounts.tier_overrides import require_order, with_limits
from accounts.tiers import LIMIT_KINDS, TIER_LIMITS, Tier


class TierOverrideForm(forms.ModelForm):  # type: ignore[type-arg]
    """Empty limits are those of the table in the code."""

    class Meta:
        model = TierOverride
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        defaults = TIER_LIMITS[Tier(self.instance.tier)]
        self.fields.update(limit_fields(LIMIT_KINDS, defaults, self.instance.limits))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        tier = Tier(self.instance.tier)
        self.instance.limits = chosen_limits(cleaned)
        changed = with_limits(TIER_LIMITS[tier], self.instance.limits)
        require_order(tier_overrides.all_limits() | {tier: changed})
        return cleaned
