"""The zone in which an account is told times and its days begin."""

from __future__ import annotations

import datetime
import zoneinfo

from accounts.models import User


def zone_of(user: User) -> datetime.tzinfo:
    """UTC where the server does not know the zone, or not any more."""
    try:
        return zoneinfo.ZoneInfo(user.time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return datetime.UTC
