"""What each tier may do. No other file holds these numbers.

Staff override them in the admin without a deployment: `accounts.tier_overrides`.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ValidationError
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
    tokens_per_minute: int
    tokens_per_day: int
    concurrent_requests: int
    max_new_tokens: int
    prompts_per_call: int
    # Prompts times sequences of each; with beams, times beams, which are the work.
    completions_per_call: int
    # Asynchronous predictions that wait or run.
    queued_predictions: int
    priority: int
    # 0 where the tier takes no batches.
    lines_per_batch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitKind:
    """One field of `TierLimits` in words."""

    name: str
    label: str
    suffix: str = ""
    minimum: int = 1
    maximum: int = 1_000_000_000_000
    # An owner may set a lower one for a single API token.
    is_per_api_token: bool = False

    def describe(self, value: int) -> str:
        return f"{value:,}{self.suffix}"


class PriorityKind(LimitKind):
    """A rank in the engine's queue, shown by its name."""

    def describe(self, value: int) -> str:
        return PRIORITY_NAMES[value]


class OptionalKind(LimitKind):
    """A limit that is 0 where a tier does not have the thing at all."""

    def describe(self, value: int) -> str:
        return super().describe(value) if value else "none"


PRIORITY_NAMES = ("low", "normal", "high")

LIMIT_KINDS: tuple[LimitKind, ...] = (
    LimitKind(
        name="requests_per_minute",
        label="Requests a minute",
        is_per_api_token=True,
    ),
    LimitKind(
        name="tokens_per_minute",
        label="Tokens a minute",
        is_per_api_token=True,
    ),
    LimitKind(
        name="tokens_per_day",
        label="Tokens a day",
        is_per_api_token=True,
    ),
    LimitKind(
        name="concurrent_requests",
        label="Requests at once",
        is_per_api_token=True,
    ),
    LimitKind(
        name="max_new_tokens",
        label="Longest completion",
        suffix=" tokens",
        maximum=1_000_000,
    ),
    LimitKind(
        name="prompts_per_call",
        label="Prompts in one call",
        maximum=10_000,
    ),
    LimitKind(
        name="completions_per_call",
        label="Completions or beams in one call",
        maximum=10_000,
    ),
    LimitKind(
        name="queued_predictions",
        label="Predictions in the queue",
        maximum=1_000_000,
    ),
    PriorityKind(
        name="priority",
        label="Priority in the queue",
        minimum=0,
        maximum=len(PRIORITY_NAMES) - 1,
    ),
    OptionalKind(
        name="lines_per_batch",
        label="Lines in a batch",
        minimum=0,
        maximum=100_000,
    ),
)
LIMIT_KINDS_BY_NAME = {kind.name: kind for kind in LIMIT_KINDS}


def validate_limits(limits: object) -> None:
    """Raise `ValidationError` unless these are limits by name, each in its range."""
    if not isinstance(limits, dict):
        raise ValidationError('Write them as {"requests_per_minute": 60}.')
    for name, value in limits.items():
        kind = LIMIT_KINDS_BY_NAME.get(name)
        if kind is None:
            raise ValidationError(
                f"No limit is named {name}; there are {', '.join(LIMIT_KINDS_BY_NAME)}."
            )
        if type(value) is not int or not kind.minimum <= value <= kind.maximum:
            raise ValidationError(
                f"{name} must be a whole number from {kind.minimum:,} "
                f"to {kind.maximum:,}."
            )


TIER_LIMITS: dict[Tier, TierLimits] = {
    Tier.FREE: TierLimits(
        requests_per_minute=10,
        tokens_per_minute=5_000,
        tokens_per_day=20_000,
        concurrent_requests=2,
        max_new_tokens=128,
        prompts_per_call=1,
        completions_per_call=4,
        queued_predictions=10,
        priority=0,
        lines_per_batch=0,
    ),
    Tier.DEVELOPER: TierLimits(
        requests_per_minute=60,
        tokens_per_minute=50_000,
        tokens_per_day=250_000,
        concurrent_requests=8,
        max_new_tokens=512,
        prompts_per_call=4,
        completions_per_call=16,
        queued_predictions=100,
        priority=1,
        lines_per_batch=0,
    ),
    Tier.PREMIUM: TierLimits(
        requests_per_minute=600,
        tokens_per_minute=500_000,
        tokens_per_day=5_000_000,
        concurrent_requests=64,
        max_new_tokens=2_048,
        prompts_per_call=32,
        completions_per_call=64,
        queued_predictions=1_000,
        priority=2,
        lines_per_batch=10_000,
    ),
}


TIER_SUMMARIES: dict[Tier, str] = {
    Tier.FREE: "Look around and try the models that are open to everyone.",
    Tier.DEVELOPER: "Build and test against GPT-Neo with room for every working day.",
    Tier.PREMIUM: "Serve an application: long completions, batches, first in the queue.",
}
