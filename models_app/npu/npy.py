"""Reads one array that NumPy wrote: a text or texts, or token ids.

A `.npy` file is a header that is a Python literal and then the raw data. Read by hand
it cannot hold a pickle, and its length is known before anything is unpacked.
"""

from __future__ import annotations

import ast
import re
import struct
from dataclasses import dataclass
from typing import TypeGuard

from models_app.errors import InvalidInput

MAGIC = b"\x93NUMPY"
MAX_HEADER_BYTES = 10_000
# Of one file. A call takes far fewer, and may take a part of what was uploaded.
MAX_PROMPTS = 4096
MAX_NUMBERS = 250_000

_TEXT = re.compile(r"([<>])U(\d{1,8})")
_WHOLE_NUMBERS = re.compile(r"([<>|])([iu][1248])")
_CODES = {"i1": "b", "i2": "h", "i4": "i", "i8": "q"}
_CODES |= {f"u{kind[1]}": code.upper() for kind, code in _CODES.items()}


# Texts and lists of token ids.
Prompts = list[str | list[int]]


@dataclass(frozen=True, slots=True)
class Array:
    """The prompts that it stands for: texts or lists of token ids.

    `is_number` says that it is one token id, and has no shape.
    """

    prompts: Prompts
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class _Header:
    kind: str
    shape: tuple[int, ...]
    is_fortran: bool
    offset: int

    @property
    def item_bytes(self) -> int:
        """Of one text or number of those that are read."""
        if text := _TEXT.fullmatch(self.kind):
            return max(4 * int(text[2]), 1)
        return int(self.kind[-1])

    def require_length(self, content: bytes, item_bytes: int, items: int) -> None:
        if len(content) != self.offset + item_bytes * items:
            raise refusal("has an array that is not as long as its header says")


def read_array(content: bytes) -> Array:
    """Raises `InvalidInput` for whatever is neither texts nor token ids."""
    header = _parse_header(content)
    if text := _TEXT.fullmatch(header.kind):
        return _texts(content, header, text[1], int(text[2]))
    if number := _WHOLE_NUMBERS.fullmatch(header.kind):
        return _numbers(content, header, number[1], _CODES[number[2]])
    if header.kind.endswith("O"):
        raise refusal("holds pickled objects, which this server never loads")
    raise refusal(
        f"holds data of the kind {header.kind[:20]}; send texts, or token ids as whole "
        "numbers"
    )


def hashed_bytes(content: bytes, *, by_row: bool) -> list[bytes]:
    """What the client hashes of an array: NumPy's `tobytes` of the whole, or of each of
    its rows. A row of one text or number is one of NumPy's scalars, which are neither
    padded nor in a byte order of their own."""
    header = _parse_header(content)
    size = header.item_bytes
    items = [
        content[one : one + size] for one in range(header.offset, len(content), size)
    ]
    rows = header.shape[0] if header.shape else 1
    columns = len(items) // rows if rows else 0
    if header.is_fortran:
        lines = [items[row::rows] for row in range(rows)]
    else:
        lines = [items[row * columns : (row + 1) * columns] for row in range(rows)]
    if not by_row:
        return [b"".join(item for line in lines for item in line)]
    if len(header.shape) == 1:
        return [_scalar(item, header.kind) for item in items]
    return [b"".join(line) for line in lines]


def _scalar(item: bytes, kind: str) -> bytes:
    if _TEXT.fullmatch(kind):
        text = item.decode("utf-32-be" if kind[0] == ">" else "utf-32-le")
        return (text.rstrip("\0") or "\0").encode("utf-32-le")
    return item[::-1] if kind[0] == ">" else item


def refusal(why: str) -> InvalidInput:
    return InvalidInput(f"The uploaded data {why}.", param="data")


def _texts(content: bytes, header: _Header, order: str, width: int) -> Array:
    """Texts have a fixed width in UTF-32 and are padded with zeros."""
    match header.shape:
        case ():
            count = 1
        case (count,) if count <= MAX_PROMPTS:
            pass
        case _:
            raise _odd_shape(header, "a text or a list of texts")
    size = 4 * width
    header.require_length(content, size, count)
    encoding = "utf-32-be" if order == ">" else "utf-32-le"
    starts = [header.offset + size * number for number in range(count)]
    return Array(
        [content[one : one + size].decode(encoding).rstrip("\0") for one in starts]
    )


def _numbers(content: bytes, header: _Header, order: str, code: str) -> Array:
    match header.shape:
        case ():
            rows, columns = 1, 1
        case (columns,) if columns <= MAX_NUMBERS:
            rows = 1
        case (rows, columns) if rows <= MAX_PROMPTS and rows * columns <= MAX_NUMBERS:
            pass
        case _:
            raise _odd_shape(header, "token ids, or a row of them for each prompt")
    layout = struct.Struct(f"{'>' if order == '>' else '<'}{rows * columns}{code}")
    header.require_length(content, layout.size, 1)
    numbers = layout.unpack_from(content, header.offset)
    split: Prompts
    if header.is_fortran:
        split = [list(numbers[row::rows]) for row in range(rows)]
    else:
        split = [
            list(numbers[row * columns : (row + 1) * columns]) for row in range(rows)
        ]
    return Array(split, is_number=header.shape == ())


def _odd_shape(header: _Header, wanted: str) -> InvalidInput:
    return refusal(f"has an array of shape {str(header.shape)[:50]}; send {wanted}")


def _parse_header(content: bytes) -> _Header:
    if content[:6] != MAGIC or content[6:7] not in (b"\1", b"\2", b"\3"):
        raise refusal("has a member that is not a NumPy array")
    width = 2 if content[6] == 1 else 4
    length = int.from_bytes(content[8 : 8 + width], "little")
    if length > MAX_HEADER_BYTES:
        raise refusal("has an array with an absurd header")
    offset = 8 + width + length
    header = _literal(content[8 + width : offset])
    kind, shape = header.get("descr"), header.get("shape")
    if not isinstance(kind, str) or not _is_shape(shape):
        raise refusal("has an array with a broken header")
    return _Header(
        kind=kind,
        shape=shape,
        is_fortran=header.get("fortran_order") is True,
        offset=offset,
    )


def _is_shape(shape: object) -> TypeGuard[tuple[int, ...]]:
    return isinstance(shape, tuple) and all(
        type(one) is int and one >= 0 for one in shape
    )


def _literal(raw: bytes) -> dict[str, object]:
    try:
        header = ast.literal_eval(raw.decode("utf-8").strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise refusal("has an array with a broken header") from error
    return header if isinstance(header, dict) else {}
