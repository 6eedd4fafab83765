"""The events of an asynchronous prediction, written down as it runs.

Tokens of the same completion that come between two writes become one event. An attempt
after one that died gives the same tokens again, and what the log has of them already is
cut off, so that its readers see one text.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from accounts.prepared import insert
from models_app.asynchronous.models import AsyncEvents, AsyncPrediction
from models_app.asynchronous.stored import StoredEvent, read_events, write_events
from models_app.predictions import Finished, Started, TextDelta

Item = TypeVar("Item")


@dataclass(slots=True)
class _Told:
    """What the log has of one completion."""

    characters: int = 0
    tokens: int = 0
    is_finished: bool = False


class EventLog:
    """Of a prediction that has not begun before (`is_new`), no event can be there."""

    def __init__(self, prediction: AsyncPrediction, *, is_new: bool) -> None:
        self._prediction = prediction
        self._size = 0
        self._told: dict[int, _Told] = {}
        # How far this attempt is, in the characters of each completion.
        self._seen: dict[int, int] = {}
        self._pending: list[StoredEvent] = []
        self._unsaved: list[AsyncEvents] = []
        self._turn = threading.Lock()
        for row in () if is_new else prediction.events.all():
            for event in read_events(row):
                self._note(event)

    def add(self, event: StoredEvent) -> None:
        """To be called from another thread than `save`, if need be."""
        with self._turn:
            if isinstance(event, TextDelta):
                self._add_delta(event)
            elif self._is_new(event):
                self._append(event)

    def save(self) -> None:
        """Write down what has come since the last time."""
        with self._turn:
            events, self._pending = self._pending, []
            if events:
                self._unsaved.append(self._row(events))
        while self._unsaved:
            insert(self._unsaved[0])
            del self._unsaved[0]

    def _row(self, events: list[StoredEvent]) -> AsyncEvents:
        return AsyncEvents(
            prediction=self._prediction,
            first=self._size - len(events) + 1,
            events=write_events(events),
        )

    def _is_new(self, event: Started | Finished) -> bool:
        if isinstance(event, Started):
            return not self._size
        return not self._of(event.index).is_finished

    def _add_delta(self, delta: TextDelta) -> None:
        told = self._of(delta.index)
        begins_at = self._seen.get(delta.index, 0)
        self._seen[delta.index] = begins_at + len(delta.text)
        fresh = _without(
            delta,
            characters=max(0, told.characters - begins_at),
            is_told=delta.token_count <= told.tokens,
            tokens=told.tokens,
        )
        if told.is_finished or fresh is None:
            return
        last = self._pending[-1] if self._pending else None
        if isinstance(last, TextDelta) and last.index == fresh.index:
            self._pending[-1] = _joined(last, fresh)
            self._count(fresh)
        else:
            self._append(fresh)

    def _append(self, event: StoredEvent) -> None:
        self._pending.append(event)
        self._note(event)

    def _note(self, event: StoredEvent) -> None:
        self._size += 1
        if not isinstance(event, Started):
            self._count(event)

    def _count(self, event: TextDelta | Finished) -> None:
        told = self._of(event.index)
        if isinstance(event, Finished):
            told.is_finished = True
        else:
            told.characters += len(event.text)
            told.tokens = event.token_count

    def _of(self, index: int) -> _Told:
        return self._told.setdefault(index, _Told())


def _without(
    delta: TextDelta, *, characters: int, is_told: bool, tokens: int
) -> TextDelta | None:
    """What is new of a delta whose first characters, and tokens up to a count, are told."""
    text = delta.text[characters:]
    if is_told and not text:
        return None
    return msgspec.structs.replace(
        delta,
        text=text,
        token_ids=_last(delta.token_ids, delta.token_count - tokens),
        logprobs=_last(delta.logprobs, delta.token_count - tokens),
    )


def _last(items: tuple[Item, ...] | None, count: int) -> tuple[Item, ...] | None:
    if items is None:
        return None
    return items[-count:] if count > 0 else ()


def _joined(first: TextDelta, second: TextDelta) -> TextDelta:
    return msgspec.structs.replace(
        second,
        text=first.text + second.text,
        token_ids=_chained(first.token_ids, second.token_ids),
        logprobs=_chained(first.logprobs, second.logprobs),
    )


def _chained(
    first: tuple[Item, ...] | None, second: tuple[Item, ...] | None
) -> tuple[Item, ...] | None:
    return None if first is None or second is None else first + second
