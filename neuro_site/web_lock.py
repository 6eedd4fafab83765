"""Whether web processes may run beside each other on one data folder.

Requests a minute are counted in memory unless Redis counts them. A second process would
count anew, and the limit would be twice what it says.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class NotAloneError(Exception):
    """Another web process runs here, and one of the two does not share its counts."""

    def __init__(self) -> None:
        super().__init__(
            "Neuro does not start: another web process serves this data folder, and "
            "without REDIS_URL each would count requests a minute for itself. "
            "Stop that one, or set REDIS_URL for both."
        )


def hold_web_lock(folder: Path, *, shares_counts: bool) -> int:
    """Claim the folder, alone unless `shares_counts`; the descriptor to keep open.

    The claim ends with the process, however that ends. Raises `NotAloneError`.
    """
    descriptor = os.open(folder / "web.lock", os.O_RDWR | os.O_CREAT, 0o600)
    kind = fcntl.LOCK_SH if shares_counts else fcntl.LOCK_EX
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise NotAloneError from None
    return descriptor
