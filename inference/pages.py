"""Memory that a mapped file takes while its bytes have been read already."""

from __future__ import annotations

import ctypes
import mmap
import re
from pathlib import Path

from torch import Tensor
from torch.nn import functional as F

MAPS, SMAPS = Path("/proc/self/maps"), Path("/proc/self/smaps")
# What is mapped from where to where of which file, and how much of it was written to.
_ENTRY = re.compile(
    r"^([0-9a-f]+)-([0-9a-f]+) [^\n]* (/[^\n]+)\n.*?^Anonymous: +(\d+)", re.M | re.S
)
# A row takes about 64 kB with its neighbours.
ROWS_HELD = 128
_MADV_DONTNEED = 4


def give_back_pages(tensor: Tensor) -> None:
    """Let go of the memory of a tensor that lies in a mapped file and is only read.

    The system keeps the file's bytes as long as it likes, and what is read again comes
    from there. Where it does not tell what is mapped, the memory stays.
    """
    if mapping := _mapping(tensor):
        _give_back(*mapping)


def give_back_library(name: str) -> None:
    """Let go of the memory that a loaded library takes, known by a part of its file's
    name, but for what was written to it: nothing else could bring that back."""
    if SMAPS.is_file():
        for start, stop, path, num_written in _ENTRY.findall(SMAPS.read_text()):
            if name in path and not int(num_written):
                _give_back(int(start, 16), int(stop, 16))


class MappedTable:
    """A table that stays on disk and of which single rows are read.

    With each page that is read the system maps its neighbours, so that all of them go
    back once so many rows have been read.
    """

    def __init__(self, table: Tensor) -> None:
        self._table = table
        self._mapping = _mapping(table)
        self._num_read = 0

    def rows(self, numbers: Tensor) -> Tensor:
        found = F.embedding(numbers, self._table)
        self._num_read += len(numbers)
        if self._mapping and self._num_read >= ROWS_HELD:
            _give_back(*self._mapping)
            self._num_read = 0
        return found


def _mapping(tensor: Tensor) -> tuple[int, int] | None:
    """From where to where a tensor lies in a mapped file; None if it does not."""
    if tensor.device.type != "cpu":
        return None
    start = tensor.data_ptr() // mmap.PAGESIZE * mmap.PAGESIZE
    stop = tensor.data_ptr() + tensor.nbytes
    return (start, stop) if _is_in_a_file(start, stop) else None


def _give_back(start: int, stop: int) -> None:
    length = ctypes.c_size_t(stop - start)
    ctypes.CDLL(None).madvise(ctypes.c_void_p(start), length, _MADV_DONTNEED)


def _is_in_a_file(start: int, stop: int) -> bool:
    """Whether one mapping of a file holds all of it; other memory would be lost."""
    if not MAPS.is_file():
        return False
    for line in MAPS.read_text().splitlines():
        addresses, _, _, _, inode, *_ = line.split(maxsplit=5)
        first, last = (int(address, 16) for address in addresses.split("-"))
        if first <= start and stop <= last:
            return inode != "0"
    return False
