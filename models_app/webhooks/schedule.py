"""When a webhook that was not taken is sent again."""

from __future__ import annotations

import datetime
import random

MINUTE, HOUR = 60.0, 3600.0
# Seconds after each failure. With the jitter it ends within the 24 hours for which what it
# says is kept, unless a setting says otherwise.
WAITS = (5.0, MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 4 * HOUR, 5 * HOUR, 8 * HOUR)
# Each wait grows by up to this part of it: what failed together comes apart.
JITTER = 0.2

_random = random.SystemRandom()


def wait_after(failures: int) -> datetime.timedelta | None:
    """How long after so many failures, at least one; `None` if it is given up."""
    if failures > len(WAITS):
        return None
    seconds = WAITS[failures - 1] * (1 + _random.uniform(0, JITTER))
    return datetime.timedelta(seconds=seconds)
