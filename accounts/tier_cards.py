"""The tiers side by side, as one account sees them."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.tiers import Tier, TierLimits, limits_of


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitLine:
    label: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TierCard:
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
    def lost_tiers(self) -> list[Tier]:
        """The tiers whose models a downgrade to this one closes."""
        if not self.is_downgrade or self.current is None:
            return []
        return [t for t in Tier if self.tier.rank < t.rank <= self.current.rank]

    @property
    def losses(self) -> list[str]:
        """What a downgrade to this tier makes smaller, in words."""
        if not self.is_downgrade or self.current is None:
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
        LimitLine(label=label, value=value)
        for label, value in (
            ("Requests a minute", f"{limits.requests_per_minute:,}"),
            ("Tokens a day", f"{limits.tokens_per_day:,}"),
            ("Longest completion", f"{limits.max_new_tokens:,} tokens"),
            ("Prompts in one call", f"{limits.prompts_per_call:,}"),
            ("Priority in the queue", limits.priority_name),
        )
    ]
