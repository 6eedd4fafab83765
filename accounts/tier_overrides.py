"""The limits of the tiers as they are now: the table, and what staff changed of it.

Every call asks for them, so each process keeps them for some seconds. The process in
which staff save a change forgets them at once.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from django.apps import apps as installed_apps
from django.apps.registry import Apps
from django.core.exceptions import ValidationError
from django.db import models

from accounts.tiers import LIMIT_KINDS_BY_NAME, TIER_LIMITS, Tier, TierLimits

CACHE_SECONDS = 5.0


class TierOverride(models.Model):
    """What staff changed of one tier: limits by name, without those left as they are."""

    tier = models.CharField(choices=Tier, max_length=20, unique=True)
    limits = models.JSONField(default=dict, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "tier"

    def __str__(self) -> str:
        return self.get_tier_display()


class _Cache:
    table: ClassVar[dict[Tier, TierLimits]] = {}
    read_at: ClassVar[float] = 0.0


def make_a_row_for_each_tier(
    *, using: str, apps: Apps = installed_apps, **_: Any
) -> None:
    """For staff to edit, who can neither add nor delete one; `post_migrate` sends it.

    So a tier that is new in the table needs no migration, and a flush no repair.
    """
    try:
        rows = apps.get_model("accounts", "TierOverride")._default_manager.using(using)
    except LookupError:  # Migrated to before there were any.
        return
    for tier in Tier:
        rows.get_or_create(tier=tier.value)


def limits_of(tier: Tier | str) -> TierLimits:
    return all_limits()[Tier(tier)]


def all_limits() -> dict[Tier, TierLimits]:
    now = time.monotonic()
    if not _Cache.table or now - _Cache.read_at > CACHE_SECONDS:
        _Cache.table, _Cache.read_at = _read(), now
    return _Cache.table


def forget() -> None:
    """Read the overrides again when they are asked for next."""
    _Cache.table = {}


def set_limits(tier: Tier, limits: Mapping[str, int]) -> None:
    """Override these limits of a tier, and no others any more.

    Raises `ValidationError` for a limit out of its range, and where a higher tier would
    allow less than a lower one.
    """
    changed = with_limits(TIER_LIMITS[tier], limits)
    require_order(_read() | {tier: changed})
    TierOverride.objects.update_or_create(tier=tier, defaults={"limits": dict(limits)})
    forget()


def with_limits(limits: TierLimits, changes: Mapping[str, int]) -> TierLimits:
    """These limits with some of them changed; names that are gone are left out."""
    known = {name: changes[name] for name in changes if name in LIMIT_KINDS_BY_NAME}
    return dataclasses.replace(limits, **known) if known else limits


def require_order(table: Mapping[Tier, TierLimits]) -> None:
    for lower, higher in zip(list(Tier), list(Tier)[1:], strict=False):
        for name, kind in LIMIT_KINDS_BY_NAME.items():
            low, high = getattr(table[lower], name), getattr(table[higher], name)
            if low > high:
                raise ValidationError(
                    f"{kind.label}: {lower.label} would have {kind.describe(low)} and "
                    f"{higher.label}, the higher tier, only {kind.describe(high)}."
                )


def _read() -> dict[Tier, TierLimits]:
    overrides = dict(TierOverride.objects.values_list("tier", "limits"))
    return {
        tier: with_limits(limits, overrides.get(tier.value, {}))
        for tier, limits in TIER_LIMITS.items()
    }
