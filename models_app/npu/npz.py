"""Reads the texts in what `numpy.savez` wrote, without NumPy and without trust.

The format is small: a zip of `.npy` files, each a header that is a Python literal and
then the raw data. Read by hand it cannot hold a pickle, and every length is known
before anything is unpacked.
"""

from __future__ import annotations

import ast
import re
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO

from models_app.errors import InvalidInput

MAX_MEMBERS = 64
MAX_UNPACKED_BYTES = 16 * 2**20
MAX_HEADER_BYTES = 10_000
COMPRESSION_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

_MAGIC = b"\x93NUMPY"
_TEXT = re.compile(r"([<>])U(\d{1,8})")
_SINGLE_ARRAY = "arr_0"
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
)


def read_texts(file: IO[bytes]) -> list[str]:
    """The texts in their order; anything else raises `InvalidInput` and says why."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = _checked_members(archive)
            return [
                text for member in members for text in _read_member(archive, member)
            ]
    except _UNREADABLE as error:
        raise InvalidInput(
            "The uploaded data is not a file that numpy.savez wrote.", param="data"
        ) from error


def _checked_members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise _refusal(f"holds {len(members)} arrays; {MAX_MEMBERS} are the most")
    if any(one.compress_type not in COMPRESSION_METHODS for one in members):
        raise _refusal("is compressed in a way that numpy.savez does not use")
    unpacked = sum(member.file_size for member in members)
    if unpacked > MAX_UNPACKED_BYTES:
        raise _refusal(
            f"unpacks to {unpacked:,} bytes; {MAX_UNPACKED_BYTES:,} are the most"
        )
    return _in_order(members)


def _in_order(members: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """Either the one array `arr_0`, or arrays named by their number from 0 on."""
    by_name = {member.filename.removesuffix(".npy"): member for member in members}
    if list(by_name) == [_SINGLE_ARRAY]:
        return members
    names = [str(number) for number in range(len(members))]
    if not members or set(by_name) != set(names):
        raise _refusal("does not name its arrays as the npu client does")
    return [by_name[name] for name in names]


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> list[str]:
    with archive.open(member) as file:
        # The directory may lie about the size, so the read itself is bounded too.
        content = file.read(member.file_size + 1)
    array = _parse_header(content)
    if len(content) != array.offset + array.count * array.item_bytes:
        raise _refusal("has an array that is not as long as its header says")
    return [array.text(content, number) for number in range(array.count)]


@dataclass(frozen=True, slots=True)
class _TextArray:
    """Where the texts of a `.npy` file lie: fixed-width UTF-32, padded with zeros."""

    offset: int
    count: int
    item_bytes: int
    encoding: str

    def text(self, content: bytes, number: int) -> str:
        start = self.offset + number * self.item_bytes
        raw = content[start : start + self.item_bytes]
        return raw.decode(self.encoding).rstrip("\0")


def _parse_header(content: bytes) -> _TextArray:
    if content[:6] != _MAGIC or content[6:7] not in (b"\1", b"\2", b"\3"):
        raise _refusal("has a member that is not a NumPy array")
    width = 2 if content[6] == 1 else 4
    length = int.from_bytes(content[8 : 8 + width], "little")
    if length > MAX_HEADER_BYTES:
        raise _refusal("has an array with an absurd header")
    offset = 8 + width + length
    header = _literal(content[8 + width : offset])
    return _text_array(header.get("descr"), header.get("shape"), offset)


def _literal(raw: bytes) -> dict[str, object]:
    try:
        header = ast.literal_eval(raw.decode("utf-8").strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _refusal("has an array with a broken header") from error
    return header if isinstance(header, dict) else {}


def _text_array(kind: object, shape: object, offset: int) -> _TextArray:
    if isinstance(kind, str) and kind.endswith("O"):
        raise _refusal("holds pickled objects, which this server never loads")
    match = _TEXT.fullmatch(kind) if isinstance(kind, str) else None
    if match is None:
        raise _refusal("holds numbers or other data; this model takes texts")
    byte_order, width = match.groups()
    return _TextArray(
        offset=offset,
        count=_count(shape),
        item_bytes=4 * int(width),
        encoding="utf-32-le" if byte_order == "<" else "utf-32-be",
    )


def _count(shape: object) -> int:
    match shape:
        case ():
            return 1
        case (int(length),) if 0 <= length <= MAX_MEMBERS:
            return length
    raise _refusal(f"has an array of shape {str(shape)[:50]}; send a text or a list")


def _refusal(why: str) -> InvalidInput:
    return InvalidInput(f"The uploaded data {why}.", param="data")
