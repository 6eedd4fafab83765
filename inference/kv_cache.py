"""Who holds which slot of the KV cache. The tensors behind it live in `attention`."""

from __future__ import annotations

import heapq


class SlotPool:
    """Hands out the lowest free slot, so that running requests stay close together."""

    def __init__(self, num_slots: int) -> None:
        self.num_slots = num_slots
        self._free = list(range(num_slots))

    @property
    def num_free(self) -> int:
        return len(self._free)

    @property
    def num_used(self) -> int:
        return self.num_slots - len(self._free)

    def allocate(self) -> int:
        return heapq.heappop(self._free)

    def release(self, slot: int) -> None:
        heapq.heappush(self._free, slot)
