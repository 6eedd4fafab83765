"""The requests that wait for a slot, and the rule that says who is next."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from inference.request import Request

OLDEST_TAKES_EVERY = 4


class WaitingQueue:
    """Admitted by priority, then age; every fourth admission takes the oldest of all.

    Whatever it is asked costs the same however many wait: only the number of different
    priorities counts.
    """

    def __init__(self) -> None:
        self.num_tokens = 0
        self._by_age: OrderedDict[str, Request] = OrderedDict()
        self._by_priority: dict[int, OrderedDict[str, Request]] = {}
        self._num_admitted = 0

    def __len__(self) -> int:
        return len(self._by_age)

    def __iter__(self) -> Iterator[Request]:
        return iter(self._by_age.values())

    @property
    def next(self) -> Request | None:
        """Who is admitted next; the same one until it is, or leaves, or another joins."""
        if not self._by_age:
            return None
        if self._num_admitted % OLDEST_TAKES_EVERY == OLDEST_TAKES_EVERY - 1:
            return next(iter(self._by_age.values()))
        return next(iter(self._by_priority[max(self._by_priority)].values()))

    def add(self, request: Request) -> None:
        self._by_age[request.request_id] = request
        peers = self._by_priority.setdefault(request.priority, OrderedDict())
        peers[request.request_id] = request
        self.num_tokens += request.max_total_tokens

    def admit(self) -> Request | None:
        """Take the next one out, to run."""
        request = self.next
        if request is not None:
            self.remove(request)
            self._num_admitted += 1
        return request

    def remove(self, request: Request) -> None:
        del self._by_age[request.request_id]
        peers = self._by_priority[request.priority]
        del peers[request.request_id]
        if not peers:
            del self._by_priority[request.priority]
        self.num_tokens -= request.max_total_tokens
