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
    id: str = ""


def events(lines: Iterable[str]) -> Iterator[Event]:
    """Each event of a stream, as soon as its last line is there."""
    name, data, last_id = "message", "", ""
    for line in lines:
        field, _, value = line.partition(": ")
        if not line:
            if data:
                yield Event(name, json.loads(data), last_id)
            name, data = "message", ""
        elif field == "id":
            last_id = value
        elif field == "event":
            name = value
        elif field == "data":
            data += value
