"""How long, in words."""

from __future__ import annotations

import math


def in_words(seconds: int) -> str:
    """Seconds as people say them, rounded up to minutes where there are many."""
    if seconds < 90:
        return f"{seconds} second{'' if seconds == 1 else 's'}"
    return f"{math.ceil(seconds / 60)} minutes"
