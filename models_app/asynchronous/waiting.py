"""Waiting for the end of an asynchronous prediction, which a worker tells."""

from __future__ import annotations

import atexit
import functools
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from accounts.prepared import INTEGER, Given, PreparedRows
from models_app.asynchronous.models import UNFINISHED, AsyncPrediction
from models_app.tasks.mailboxes import open_listener, tell_listeners

# Should a word be lost, or the worker that would say it.
LOOK_SECONDS = 1.0

_status = PreparedRows(
    lambda: AsyncPrediction.objects.filter(pk=Given("pk", INTEGER)).values_list(
        "status", flat=True
    )
)


class Listener:
    """Those of this process that wait, each for one prediction."""

    def __init__(self) -> None:
        self._mailbox = open_listener()
        atexit.register(self._mailbox.close)
        self._waiting: defaultdict[str, set[threading.Event]] = defaultdict(set)
        self._turn = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()

    @contextmanager
    def waiting(self, public_id: str) -> Iterator[threading.Event]:
        """Set whenever that prediction is told to have ended."""
        event = threading.Event()
        with self._turn:
            self._waiting[public_id].add(event)
        try:
            yield event
        finally:
            with self._turn:
                self._waiting[public_id].discard(event)
                if not self._waiting[public_id]:
                    del self._waiting[public_id]

    def _listen(self) -> None:
        while True:
            public_id = self._mailbox.receive().decode()
            with self._turn:
                for event in self._waiting.get(public_id, ()):
                    event.set()


def tell_on_commit(prediction: AsyncPrediction) -> None:
    """To be called in the transaction that ends it."""
    word = prediction.public_id.encode()
    transaction.on_commit(lambda: tell_listeners(word), robust=True)


def wait_for_end(prediction: AsyncPrediction, seconds: float) -> None:
    """Return once it has ended, or after so long; the prediction is then up to date."""
    deadline = time.monotonic() + seconds
    with _listener().waiting(prediction.public_id) as told:
        while not _has_ended(prediction) and (left := deadline - time.monotonic()) > 0:
            told.wait(min(left, LOOK_SECONDS))
            told.clear()
    prediction.read_anew()


def _has_ended(prediction: AsyncPrediction) -> bool:
    return not set(_status.fetch(pk=prediction.pk)) & set(UNFINISHED)


_making = threading.Lock()


def _listener() -> Listener:
    with _making:
        return _make_listener()


@functools.cache
def _make_listener() -> Listener:
    return Listener()
