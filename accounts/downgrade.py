"""What stops working when an account goes down to a lower tier, said beforehand."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from django.utils import timezone

from accounts import days
from accounts.models import ApiToken, Reservation, UsageDay, User
from accounts.offers import offers
from accounts.tier_cards import TierCard
from accounts.tier_overrides import limits_of, with_limits
from accounts.tiers import LIMIT_KINDS_BY_NAME, Tier, TierLimits
from accounts.token_options import LIMIT_NAMES

DAYS_BACK = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequences:
    """Sentences, by what they are about; empty lists where nothing stops."""

    models: list[str]
    limits: list[str]
    api_tokens: list[str]
    use: list[str]


def consequences(user: User, tier: Tier) -> Consequences:
    card = TierCard(tier=tier, current=Tier(user.tier))
    limits = with_limits(limits_of(tier), user.staff_limits)
    closed = {
        offer.slug: offer.name
        for offer in offers()
        if offer.minimum_tier in card.changed_tiers
    }
    active = ApiToken.objects.active().filter(project__user=user)
    return Consequences(
        models=list(closed.values()),
        limits=card.losses,
        api_tokens=[
            *_tokens_without_models(active, closed),
            *_tokens_above(active, limits, tier),
        ],
        use=list(_use_beyond(user, limits, tier)),
    )


def _tokens_without_models(
    api_tokens: Iterable[ApiToken], closed: Mapping[str, str]
) -> Iterator[str]:
    for api_token in api_tokens:
        lost = [slug for slug in api_token.allowed_models if slug in closed]
        names = ", ".join(closed[slug] for slug in lost)
        if lost and len(lost) == len(api_token.allowed_models):
            yield f"“{api_token.name}” may run {names} alone, and so will run nothing."
        elif lost:
            yield f"“{api_token.name}” loses {names}."


def _tokens_above(
    api_tokens: Iterable[ApiToken], limits: TierLimits, tier: Tier
) -> Iterator[str]:
    for api_token in api_tokens:
        for name in LIMIT_NAMES:
            own, allowed = api_token.own_limits.get(name, 0), getattr(limits, name)
            if own > allowed:
                label = LIMIT_KINDS_BY_NAME[name].label.lower()
                yield (
                    f"“{api_token.name}” has {own:,} {label} of its own; "
                    f"{tier.label} allows {allowed:,}."
                )


def _use_beyond(user: User, limits: TierLimits, tier: Tier) -> Iterator[str]:
    today = days.today()
    spent = UsageDay.objects.filter(
        user=user,
        day__gt=today - datetime.timedelta(days=DAYS_BACK),
        tokens_used__gte=limits.tokens_per_day,
    )
    if used := spent.filter(day=today).values_list("tokens_used", flat=True).first():
        yield (
            f"You have used {used:,} tokens today and {tier.label} allows "
            f"{limits.tokens_per_day:,}: calls are refused until midnight UTC."
        )
    if (number := spent.count()) > 1:
        yield (
            f"On {number} of the last {DAYS_BACK} days you used more tokens "
            f"than {tier.label} allows in a day."
        )
    running = Reservation.objects.live(timezone.now()).filter(user=user).count()
    if running > limits.concurrent_requests:
        yield (
            f"{running} predictions are running and {tier.label} allows "
            f"{limits.concurrent_requests} at once: they end, new ones wait for them."
        )
