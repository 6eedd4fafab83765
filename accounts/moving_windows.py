"""Moving windows in the memory of this process, as the limits package counts in Redis.

That package's own memory starts a thread to forget what is over, for nearly every call:
dearer than most of what a call does. Here each look forgets what its key has over, and
one in many looks forgets the keys that nobody asks for any more.
"""

from __future__ import annotations

import threading
import time
from collections import deque

from limits import RateLimitItem, WindowStats

SWEEP_EVERY = 4096


class MemoryWindows:
    """`test`, `hit` and `get_window_stats` as `MovingWindowRateLimiter` has them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # By key: when it was hit, the oldest first, and for how long that counts.
        self._hits: dict[str, deque[float]] = {}
        self._seconds: dict[str, int] = {}
        self._looks = 0

    def test(self, item: RateLimitItem, *identifiers: str) -> bool:
        with self._lock:
            return len(self._current(item, identifiers)) < item.amount

    def hit(self, item: RateLimitItem, *identifiers: str) -> bool:
        with self._lock:
            hits = self._current(item, identifiers)
            if len(hits) >= item.amount:
                return False
            hits.append(time.time())
            return True

    def get_window_stats(self, item: RateLimitItem, *identifiers: str) -> WindowStats:
        with self._lock:
            hits = self._current(item, identifiers)
            start = hits[0] if hits else time.time()
            return WindowStats(start + item.get_expiry(), item.amount - len(hits))

    def reset(self) -> None:
        with self._lock:
            self._hits.clear()
            self._seconds.clear()

    def _current(
        self, item: RateLimitItem, identifiers: tuple[str, ...]
    ) -> deque[float]:
        now = time.time()
        self._looks += 1
        if self._looks % SWEEP_EVERY == 0:
            self._sweep(now)
        key = item.key_for(*identifiers)
        hits = self._hits.setdefault(key, deque())
        self._seconds[key] = item.get_expiry()
        while hits and hits[0] <= now - self._seconds[key]:
            hits.popleft()
        return hits

    def _sweep(self, now: float) -> None:
        over = [
            key
            for key, hits in self._hits.items()
            if not hits or hits[-1] <= now - self._seconds[key]
        ]
        for key in over:
            del self._hits[key], self._seconds[key]
