"""Memory that a mapped file takes while its bytes have been read already."""

from __future__ import annotations

import ctypes
import mmap
from pathlib import Path

from torch import Tensor

MAPS = Path("/proc/self/maps")
_MADV_DONTNEED = 4


def give_back_pages(tensor: Tensor) -> None:
    """Let go of the memory of a tensor that lies in a mapped file and is only read.

    The system keeps the file's bytes as long as it likes, and what is read again comes
    from there. Where it does not tell what is mapped, the memory stays.
    """
    start = tensor.data_ptr() // mmap.PAGESIZE * mmap.PAGESIZE
    stop = tensor.data_ptr() + tensor.nbytes
    if _is_in_a_file(start, stop):
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
