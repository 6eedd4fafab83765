"""The seam between tiers and whoever grants them."""

from __future__ import annotations

from enum import Enum, auto
from typing import Protocol

from django.http import HttpRequest

from accounts.models import User
from accounts.tiers import Tier


class Outcome(Enum):
    CHANGED = auto()
    WAITING = auto()


class Billing(Protocol):
    # What the button of a higher tier says before the tier's name.
    verb: str
    # Whether somebody else decides, so that nothing changes at once.
    needs_approval: bool

    def upgrade(self, *, user: User, tier: Tier, request: HttpRequest) -> Outcome:
        """Bring the account to a higher tier, at once or once something has happened.

        Going down asks nobody: the tier changes without a provider.
        """
        ...
