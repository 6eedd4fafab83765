"""What a new account does first, and how far this one has come."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.models import ApiToken, UsageDay, User
from accounts.tiers import Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class NextSteps:
    has_tier: bool
    has_api_token: bool
    has_predicted: bool

    @property
    def is_new(self) -> bool:
        return not (self.has_tier or self.has_api_token or self.has_predicted)

    @property
    def are_done(self) -> bool:
        """Who calls with an API token has found the way, on the Free tier too."""
        return self.has_api_token and self.has_predicted


def next_steps_of(user: User) -> NextSteps:
    return NextSteps(
        has_tier=user.tier != Tier.FREE,
        has_api_token=ApiToken.objects.active().filter(project__user=user).exists(),
        has_predicted=UsageDay.objects.filter(user=user, predictions__gt=0).exists(),
    )
