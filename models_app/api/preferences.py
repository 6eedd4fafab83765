"""How long a caller waits, and how long a prediction may take: request headers."""

from __future__ import annotations

import datetime
import re

from models_app.errors import InvalidInput

LONGEST_WAIT_SECONDS = 60
LONGEST_LIFE = datetime.timedelta(hours=24)
_LIFE = re.compile(r"(\d{1,6})(s|m|h)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}


def read_wait(header: str) -> int:
    """Seconds to wait for the end, as `Prefer` asks: `wait=n`, or `respond-async`."""
    for preference in header.lower().split(","):
        name, _, value = preference.strip().partition("=")
        if name == "wait":
            return _seconds(value.strip(' "'))
    return 0


def read_cancel_after(header: str) -> datetime.timedelta | None:
    """`Cancel-After`: `90s`, `2m` or `1h`."""
    if not header:
        return None
    match = _LIFE.fullmatch(header.strip())
    life = datetime.timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None
    if not life or life > LONGEST_LIFE:
        raise InvalidInput(
            "Cancel-After must be a time of at most a day, such as 90s, 2m or 1h.",
            param="Cancel-After",
        )
    return life


def read_last_event_id(header: str) -> int:
    if not header:
        return 0
    if not re.fullmatch(r"[0-9]{1,9}", header):
        raise InvalidInput(
            "Last-Event-ID must be the id of an event of this stream.",
            hint="Leave it out to read the stream from its beginning.",
            param="Last-Event-ID",
        )
    return int(header)


def _seconds(value: str) -> int:
    if not value:
        return LONGEST_WAIT_SECONDS
    if not re.fullmatch(r"[0-9]{1,6}", value):
        raise InvalidInput(
            "Prefer: wait=n takes a whole number of seconds.", param="Prefer"
        )
    return min(int(value), LONGEST_WAIT_SECONDS)
