"""What each tier may do. No other file holds these numbers."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models


class Tier(models.TextChoices):
    FREE = "free", "Free"
    DEVELOPER = "developer", "Developer"
    PREMIUM = "premium", "Premium"

    @property
    def rank(self) -> int:
        return list(Tier).index(self)

    def includes(self, other: Tier) -> bool:
        """Whether this tier may use what `other` may use."""
        return self.rank >= other.rank


@dataclass(frozen=True, slots=True)
class TierLimits:
    """Limits of one account. All tokens are the model's, prompt and completion."""

    requests_per_minute: int
    tokens_per_day: int
    max_new_tokens: int
    prompts_per_call: int
    priority: int


TIER_LIMITS: dict[Tier, TierLimits] = {
    Tier.FREE: TierLimits(
        requests_per_minute=10,
        tokens_per_day=20_000,
        max_new_tokens=128,
        prompts_per_call=1,
        priority=0,
    ),
    Tier.DEVELOPER: TierLimits(
        requests_per_minute=60,
        tokens_per_day=250_000,
        max_new_tokens=512,
        prompts_per_call=4,
        priority=1,
    ),
    Tier.PREMIUM: TierLimits(
        requests_per_minute=600,
        tokens_per_day=5_000_000,
        max_new_tokens=2_048,
        prompts_per_call=32,
        priority=2,
    ),
}


def limits_of(tier: Tier | str) -> TierLimits:
    return TIER_LIMITS[Tier(tier)]
