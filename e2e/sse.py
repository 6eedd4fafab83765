"""Server-sent events, read as a browser reads them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    data: Any


def events(lines: Iterable[str]) -> Iterator[Event]:
    """Each event of a stream, as soon as its last line is there."""
    name, data = "message", ""
    for line in lines:
        field, _, value = line.partition(": ")
        if not line:
            yield Event(name, json.loads(data))
            name, data = "message", ""
        elif field == "event":
            name = value
        elif field == "data":
            data += value
