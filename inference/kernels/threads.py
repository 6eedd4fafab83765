"""The threads that torch computes with, borrowed for kernels.

Torch's own OpenMP library is asked for them: a second pool of threads, which spin while
they wait, would take the cores from torch's. Where it cannot be asked, one thread does
all of it.
"""

from __future__ import annotations

import ctypes
from array import array

import torch

# A symbol is also looked for in the libraries that torch's own is linked with.
_torch = ctypes.CDLL(torch._C.__file__)
_fork = getattr(_torch, "GOMP_parallel", None)
if _fork is not None:
    _fork.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint)
    _fork.restype = None
_NUMBER = ctypes.CFUNCTYPE(ctypes.c_int)
# What a kernel calls, and what it calls instead where one thread does all.
_CALLED = {
    "omp_get_thread_num": _NUMBER(lambda: 0),
    "omp_get_num_threads": _NUMBER(lambda: 1),
    "GOMP_barrier": _NUMBER(lambda: 0),
}


def my_share(count: int) -> range:
    """Which of so many things this thread does: neighbouring ones."""
    return range(count)


def my_number() -> int:
    """Which of the threads this is, from 0 on; for what each has of its own."""
    return 0


def wait_for_others() -> None:
    """Go on when all threads have come here; then each sees what the others wrote."""


def symbols() -> dict[str, int]:
    """What compiled kernels call, and where it is."""
    return {
        name: ctypes.cast(getattr(_torch, name, alone), ctypes.c_void_p).value or 0
        for name, alone in _CALLED.items()
    }


def run(address: int, words: array[int]) -> None:
    """Run the kernel at the address on all threads, and return when all are done."""
    pointer, _ = words.buffer_info()
    if _fork is None:
        ctypes.CFUNCTYPE(None, ctypes.c_void_p)(address)(pointer)
    else:
        _fork(address, pointer, torch.get_num_threads(), 0)
