"""Token ids to text as it becomes certain: no half characters, no stop sequences."""

from __future__ import annotations

import codecs
from collections.abc import Sequence


class Detokenizer:
    """Feeds on one token id at a time and gives back the text that can be shown.

    Text that may still turn into a stop sequence, and bytes that may still become a
    character, wait inside. After a stop sequence `stop_sequence` names it and nothing
    more comes out.
    """

    def __init__(self, pieces: Sequence[bytes], stop: Sequence[str] = ()) -> None:
        self.stop_sequence: str | None = None
        self._pieces = pieces
        self._stop = stop
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""

    def fork(self) -> Detokenizer:
        """Another one, as far as this one is."""
        other = Detokenizer(self._pieces, self._stop)
        other.stop_sequence, other._held = self.stop_sequence, self._held
        other._decoder.setstate(self._decoder.getstate())
        return other

    def push(self, token_id: int) -> str:
        known = token_id < len(self._pieces)
        self._held += self._decoder.decode(self._pieces[token_id] if known else b"")
        self._cut_at_stop_sequence()
        if self.stop_sequence is not None:
            return self.flush()
        return self._release(len(self._held) - self._num_uncertain())

    def flush(self) -> str:
        """The rest, once no more tokens come. A half character is dropped."""
        return self._release(len(self._held))

    def _cut_at_stop_sequence(self) -> None:
        """The one that is whole first, and of those the longest: what it is depends on
        the text alone, not on the pieces that the text came in."""
        found = [(self._held.find(stop), stop) for stop in self._stop]
        hits = [(start + len(stop), start, stop) for start, stop in found if start >= 0]
        if hits:
            _, start, self.stop_sequence = min(hits)
            self._held = self._held[:start]

    def _num_uncertain(self) -> int:
        """Length of the longest tail that some stop sequence starts with."""
        longest = max(map(len, self._stop), default=1) - 1
        for length in range(min(longest, len(self._held)), 0, -1):
            tail = self._held[-length:]
            if any(stop.startswith(tail) for stop in self._stop):
                return length
        return 0

    def _release(self, length: int) -> str:
        text, self._held = self._held[:length], self._held[length:]
        return text
