"""All of one account's data, as a zip that is made while it is sent.

Each app adds its part with `add_section`; nothing here knows what is exported.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from accounts.csv_text import csv_of
from accounts.models import User

Row = Mapping[str, Any]
# Enough for the overhead of a chunk to be nothing, and little to keep in memory.
CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Becomes `name`.json and `name`.csv. `rows` is asked once for each."""

    name: str
    fields: Sequence[str]
    rows: Callable[[User], Iterable[Row]]

    @property
    def label(self) -> str:
        """What a person calls it."""
        return self.name.replace("_", " ").replace("api ", "API ")


_sections: dict[str, Section] = {}


def add_section(section: Section) -> None:
    _sections[section.name] = section


def sections() -> list[Section]:
    return list(_sections.values())


def export_of(user: User) -> Iterator[bytes]:
    """The bytes of the zip, a chunk at a time."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, chunks in _files(user):
            with archive.open(name, "w", force_zip64=True) as entry:
                for chunk in chunks:
                    entry.write(chunk.encode())
                    if sink.size >= CHUNK_BYTES:
                        yield sink.take()
    yield sink.take()


def _files(user: User) -> Iterator[tuple[str, Iterable[str]]]:
    for section in sections():
        yield f"{section.name}.json", _as_json(section, user)
        yield f"{section.name}.csv", csv_of(section.fields, section.rows(user))


def _as_json(section: Section, user: User) -> Iterator[str]:
    before = "[\n"
    for row in section.rows(user):
        yield before + json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


class _Sink(io.RawIOBase):
    """What `zipfile` writes to: it cannot seek, so nothing is gone back to."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        self.size += len(data)
        return len(data)

    def take(self) -> bytes:
        parts, self._parts, self.size = self._parts, [], 0
        return b"".join(parts)
