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

    @property
    def summary(self) -> str:
        return TIER_SUMMARIES[self]

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
    # Prompts times sequences of each; with beams, times beams, which are the work.
    completions_per_call: int
    priority: int

    @property
    def priority_name(self) -> str:
        return PRIORITY_NAMES[self.priority]


PRIORITY_NAMES = ("low", "normal", "high")

TIER_LIMITS: dict[Tier, TierLimits] = {
    Tier.FREE: TierLimits(
        requests_per_minute=10,
        tokens_per_day=20_000,
        max_new_tokens=128,
        prompts_per_call=1,
        completions_per_call=4,
        priority=0,
    ),
    Tier.DEVELOPER: TierLimits(
        requests_per_minute=60,
        tokens_per_day=250_000,
        max_new_tokens=512,
        prompts_per_call=4,
        completions_per_call=16,
        priority=1,
    ),
    Tier.PREMIUM: TierLimits(
        requests_per_minute=600,
        tokens_per_day=5_000_000,
        max_new_tokens=2_048,
        prompts_per_call=32,
        completions_per_call=64,
        priority=2,
    ),
}


TIER_SUMMARIES: dict[Tier, str] = {
    Tier.FREE: "Look around and try the models that are open to everyone.",
    Tier.DEVELOPER: "Build and test against GPT-Neo with room for every working day.",
    Tier.PREMIUM: "Serve an application: long completions, batches, first in the queue.",
}


def limits_of(tier: Tier | str) -> TierLimits:
    return TIER_LIMITS[Tier(tier)]
