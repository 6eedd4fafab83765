"""How a caller stands against its limits, as the headers of every answer tell it."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.utils import timezone

if TYPE_CHECKING:
    from accounts.limits import Limit

# From this share of a limit on, whoever is asked warns.
NEAR = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """One limit, and how much of it is used.

    `resets_at` is when some of it comes back; nobody knows that of requests at once.
    """

    limit: Limit
    used: int
    resets_at: datetime.datetime | None

    @property
    def remaining(self) -> int:
        return max(0, self.limit.allowed - self.used)

    @property
    def percent(self) -> int:
        return 100 * self.used // self.limit.allowed

    @property
    def warning(self) -> str:
        """A sentence from `NEAR` of the limit on, else nothing."""
        if self.used < NEAR * self.limit.allowed:
            return ""
        return (
            f"{self.percent}% used: {self.limit.sentence[0].lower()}"
            f"{self.limit.sentence[1:]}."
        )

    def as_json(self) -> dict[str, object]:
        return {
            "name": self.limit.name,
            "set_by": self.limit.set_by,
            "allowed": self.limit.allowed,
            "used": self.used,
            "remaining": self.remaining,
            "resets_at": self.resets_at.isoformat() if self.resets_at else None,
        }


@dataclass(slots=True)
class Standing:
    """What one call found out; of several limits of a name the tightest."""

    counts: dict[str, Count] = field(default_factory=dict)

    def note(self, counts: Iterable[Count]) -> None:
        tightest = min(counts, key=lambda count: count.remaining)
        self.counts[tightest.limit.name] = tightest

    def headers(self) -> dict[str, str]:
        """In the names that OpenAI's clients read."""
        headers = {}
        for limit_name, header_name in HEADER_NAMES.items():
            if count := self.counts.get(limit_name):
                headers[f"x-ratelimit-limit-{header_name}"] = str(count.limit.allowed)
                headers[f"x-ratelimit-remaining-{header_name}"] = str(count.remaining)
                headers[f"x-ratelimit-reset-{header_name}"] = _until(count.resets_at)
        return headers


HEADER_NAMES = {"requests_per_minute": "requests", "tokens_per_minute": "tokens"}


def _until(moment: datetime.datetime | None) -> str:
    """Such as "1m0s", "7.25s" or "12ms"."""
    if moment is None:
        return "0ms"
    milliseconds = round((moment - timezone.now()).total_seconds() * 1000)
    if milliseconds < 1000:
        return f"{max(0, milliseconds)}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes}m{rest / 1000:g}s" if minutes else f"{rest / 1000:g}s"
