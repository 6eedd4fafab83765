"""Who holds which slot of the KV cache, and whose prompt can be taken from where.

Keys and values that a prompt has left in a slot, running or free, serve any later
prompt of the same scope that begins alike. Only those of the prompt count: they have
the bits that computing them again would give, which those of a completion, computed
one row at a time, need not have. The tensors behind the slots are in `kv_tensors`.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field
from typing import NamedTuple

from inference.request import Request

# How many positions are copied between two steps, so that nobody waits for it: about
# an eighth of a step of 16 streams. What is longer goes on after the next one.
MAX_COPIED_POSITIONS = 512
# To copy so many positions takes as long as to compute one of a prompt: twenty where the
# target's memory was never used, a hundred where it was.
COPIED_PER_COMPUTED = 16


class SlotCopy(NamedTuple):
    """Take the positions from `start` to `stop` of slot `source` over to `target`."""

    source: int
    target: int
    start: int
    stop: int

    @property
    def is_needed(self) -> bool:
        return self.start < self.stop and self.source != self.target

    @property
    def num_positions(self) -> int:
        return self.stop - self.start

    def split(self, num_positions: int) -> tuple[SlotCopy, SlotCopy]:
        """The first so many positions, and the rest, which may be empty."""
        middle = min(self.start + num_positions, self.stop)
        return self._replace(stop=middle), self._replace(start=middle)


@dataclass(slots=True)
class Slot:
    """`token_ids` is the prompt whose keys and values are, or are coming, in here."""

    number: int
    scope: str = ""
    token_ids: list[int] = field(default_factory=list)
    holder: Request | None = None
    num_kept: int = 0
    last_used: int = 0

    @property
    def num_ready(self) -> int:
        """How many of the prompt's tokens are there already."""
        if self.holder is None:
            return self.num_kept
        return min(self.holder.num_computed_tokens, len(self.token_ids))

    def num_shared(self, request: Request) -> int:
        """How many tokens the request's prompt and this slot's begin with alike. One at
        least is left to be computed: somebody has to say what comes next."""
        if self.scope != request.cache_scope:
            return 0
        return _num_equal(
            self.token_ids, request.token_ids, request.num_prompt_tokens - 1
        )


class SlotPool:
    """Hands out free slots. Prefixes shorter than `min_shared_tokens` are not worth
    keeping or copying; 0 turns sharing off."""

    def __init__(self, num_slots: int, min_shared_tokens: int = 0) -> None:
        self.num_slots = num_slots
        self._min_shared = min_shared_tokens
        self._slots = [Slot(number) for number in range(num_slots)]
        self._free = list(range(num_slots))
        self._num_uses = 0

    @property
    def num_free(self) -> int:
        return len(self._free)

    @property
    def num_used(self) -> int:
        return self.num_slots - len(self._free)

    def allocate(self, request: Request | None = None) -> int:
        """The free slot that the request continues; else one with nothing worth
        keeping, the lowest, so that running requests stay close together; else the one
        that nobody has used for the longest time. What is in it stays until `begin`.
        """
        number = min(self._free, key=lambda one: self._loss(self._slots[one], request))
        self._free.remove(number)
        if request is None:
            self._slots[number] = Slot(number)
        return number

    def begin(self, request: Request) -> SlotCopy | None:
        """Make the request's slot its own and say what its prompt can start from; the
        source is the slot itself where that already holds it. `None` means: wait, for
        another prompt that is being computed will bring more."""
        best, num_shared = self._best_source(request)
        if self._is_coming(request, num_shared):
            return None
        prompt = request.token_ids[: request.num_prompt_tokens]
        request.begin(num_shared)
        slot = Slot(request.slot, request.cache_scope, prompt, request)
        self._slots[request.slot] = slot
        self._touch(slot)
        self._touch(best)
        return SlotCopy(best.number, request.slot, 0, num_shared)

    def release(self, number: int) -> None:
        slot = self._slots[number]
        slot.num_kept, slot.holder = slot.num_ready, None
        insort(self._free, number)

    def forget_prefixes(self) -> None:
        """What is in the slots can no longer be relied on."""
        for slot in self._slots:
            slot.token_ids, slot.num_kept = [], 0

    def _loss(self, slot: Slot, request: Request | None) -> tuple[int, int, int]:
        """What giving this slot away would cost, for finding the least."""
        if request is not None:
            shared = min(slot.num_shared(request), slot.num_ready)
            rest = slot.num_ready - shared
            if self._is_worth(shared) and not self._is_worth_a_copy(rest, shared):
                return -shared, 0, slot.number
        is_worth = self._is_worth(slot.num_ready)
        return is_worth, slot.last_used * is_worth, slot.number

    def _best_source(self, request: Request) -> tuple[Slot, int]:
        """The slot with most of the prompt, and how much; its own before any other."""
        own = self._slots[request.slot]
        if not self._may_share(request):
            return own, 0
        ready = {
            slot.number: min(slot.num_shared(request), slot.num_ready)
            for slot in (own, *self._slots)
        }
        number = max(ready, key=ready.__getitem__)
        if not self._is_worth(ready[number]):
            return own, 0
        return self._slots[number], ready[number]

    def _is_coming(self, request: Request, num_shared: int) -> bool:
        """Whether a running prompt will soon have more of this one than is ready."""
        return self._may_share(request) and any(
            self._is_worth(slot.num_shared(request) - num_shared)
            for slot in self._slots
            if slot.holder is not None
        )

    def _may_share(self, request: Request) -> bool:
        return bool(self._min_shared) and request.may_share_prefix

    def _is_worth(self, num_tokens: int) -> bool:
        return bool(self._min_shared) and num_tokens >= self._min_shared

    def _is_worth_a_copy(self, rest: int, shared: int) -> bool:
        """Whether to copy what is shared, so that the rest of its slot stays too."""
        return self._is_worth(rest) and rest * COPIED_PER_COMPUTED >= shared

    def _touch(self, slot: Slot) -> None:
        self._num_uses += 1
        slot.last_used = self._num_uses


def _num_equal(first: list[int], second: list[int], at_most: int) -> int:
    """Length of the common beginning, by halving: comparing whole slices is fast."""
    low, high = 0, min(len(first), at_most)
    while low < high:
        middle = (low + high + 1) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
