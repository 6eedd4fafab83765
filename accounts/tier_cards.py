"""Tiers side by side, as one account sees them."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.tier_overrides import limits_of
from accounts.tiers import LIMIT_KINDS, Tier, TierLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitLine:
    name: str
    label: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TierCard:
    """One tier, seen from `current`: the tier of the account, None for a visitor."""

    tier: Tier
    current: Tier | None

    @property
    def is_current(self) -> bool:
        return self.tier == self.current

    @property
    def is_upgrade(self) -> bool:
        return self.current is not None and self.tier.rank > self.current.rank

    @property
    def is_downgrade(self) -> bool:
        return self.current is not None and self.tier.rank < self.current.rank

    @property
    def lines(self) -> list[LimitLine]:
        return describe(limits_of(self.tier))

    @property
    def own_tiers(self) -> list[Tier]:
        return [self.tier]

    @property
    def lower_tier(self) -> Tier | None:
        """The tier whose models come with this one."""
        return list(Tier)[self.tier.rank - 1] if self.tier.rank else None

    @property
    def changed_tiers(self) -> list[Tier]:
        """The tiers whose models a change to this one opens, or closes."""
        if self.current is None:
            return []
        low, high = sorted((self.tier.rank, self.current.rank))
        return [tier for tier in Tier if low < tier.rank <= high]

    @property
    def losses(self) -> list[str]:
        """What a downgrade to this tier makes smaller, in words."""
        if self.current is None or not self.is_downgrade:
            return []
        before = describe(limits_of(self.current))
        return [
            f"{new.label}: {new.value} instead of {old.value}"
            for old, new in zip(before, self.lines, strict=True)
            if new.value != old.value
        ]


def tier_cards(current: Tier | None) -> list[TierCard]:
    return [TierCard(tier=tier, current=current) for tier in Tier]


def describe(limits: TierLimits) -> list[LimitLine]:
    return [
        LimitLine(
            name=kind.name,
            label=kind.label,
            value=kind.describe(getattr(limits, kind.name)),
        )
        for kind in LIMIT_KINDS
    ]
