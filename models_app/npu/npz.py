"""Reads the prompts in a file of the npu client, without NumPy and without trust.

What `numpy.savez` writes is a zip of `.npy` files. A file that the caller named instead
of data is taken as it is: such an archive, one array, or a text.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import IO

from models_app.errors import InvalidInput
from models_app.npu.npy import (
    MAGIC,
    MAX_NUMBERS,
    MAX_PROMPTS,
    Array,
    Prompts,
    hashed_bytes,
    read_array,
    refusal,
)

# One for each prompt, or for each token id of a list.
MAX_MEMBERS = 4096
MAX_UNPACKED_BYTES = 16 * 2**20
COMPRESSION_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

_ZIP_MAGIC = b"PK"
_SINGLE_ARRAY = "arr_0"
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
)


def read_prompts(file: IO[bytes]) -> Prompts:
    """The prompts in their order; anything else raises `InvalidInput` and says why."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = _checked_members(archive)
            return _prompts(_read_member(archive, one) for one in members)
    except _UNREADABLE as error:
        raise InvalidInput(
            "The uploaded data is not a file that numpy.savez wrote.", param="data"
        ) from error


def read_hashed_bytes(file: IO[bytes]) -> list[bytes]:
    """What the client hashes of one batch of a DataLoader, place by place: each array of
    a list, or each row of the one array. For files that `read_prompts` has read."""
    with zipfile.ZipFile(file) as archive:
        members = _checked_members(archive)
        is_list = members[0].filename.removesuffix(".npy") != _SINGLE_ARRAY
        return [
            piece
            for one in members
            for piece in hashed_bytes(archive.read(one), by_row=not is_list)
        ]


def read_named_file(file: IO[bytes]) -> Prompts:
    """The prompts of a file that the caller named: a text file is one prompt."""
    begin = file.read(len(MAGIC))
    file.seek(0)
    if begin.startswith(_ZIP_MAGIC):
        return read_prompts(file)
    content = file.read(MAX_UNPACKED_BYTES + 1)
    if len(content) > MAX_UNPACKED_BYTES:
        raise refusal(f"is larger than {MAX_UNPACKED_BYTES:,} bytes")
    try:
        return _prompts([read_array(content)]) if begin == MAGIC else [content.decode()]
    except UnicodeDecodeError as error:
        raise refusal("is neither a NumPy file nor a text in UTF-8") from error


def join_prompts(parts: Iterable[Prompts]) -> Prompts:
    """All of the prompts, or `InvalidInput` where they are more than one file may hold."""
    prompts: Prompts = []
    token_ids = 0
    for part in parts:
        prompts += part
        token_ids += sum(len(one) for one in part if isinstance(one, list))
        _require_few(len(prompts), "prompts", MAX_PROMPTS)
        _require_few(token_ids, "token ids", MAX_NUMBERS)
    return prompts


def _prompts(arrays: Iterable[Array]) -> Prompts:
    """Token ids that come one by one are one prompt."""
    numbers: list[bool] = []

    def parts() -> Iterator[Prompts]:
        for array in arrays:
            numbers.append(array.is_number)
            yield array.prompts

    prompts = join_prompts(parts())
    if not any(numbers):
        return prompts
    if not all(numbers):
        raise refusal("mixes single numbers with prompts; put token ids in lists")
    return [[one[0] for one in prompts if isinstance(one, list)]]


def _require_few(count: int, what: str, most: int) -> None:
    if count > most:
        raise refusal(f"holds more than {most:,} {what}")


def _checked_members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise refusal(f"holds {len(members):,} arrays; {MAX_MEMBERS:,} are the most")
    if not members:
        raise refusal("holds no prompt")
    if any(one.compress_type not in COMPRESSION_METHODS for one in members):
        raise refusal("is compressed in a way that numpy.savez does not use")
    unpacked = sum(member.file_size for member in members)
    if unpacked > MAX_UNPACKED_BYTES:
        raise refusal(
            f"unpacks to {unpacked:,} bytes; {MAX_UNPACKED_BYTES:,} are the most"
        )
    return _in_order(members)


def _in_order(members: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """Either the one array `arr_0`, or arrays named by their number from 0 on."""
    by_name = {member.filename.removesuffix(".npy"): member for member in members}
    if list(by_name) == [_SINGLE_ARRAY]:
        return members
    names = [str(number) for number in range(len(members))]
    if set(by_name) != set(names):
        raise refusal("does not name its arrays as the npu client does")
    return [by_name[name] for name in names]


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    with archive.open(member) as file:
        # The directory may lie about the size, so the read itself is bounded too.
        return read_array(file.read(member.file_size + 1))
