"""What a process that has loaded something large does about its memory."""

from __future__ import annotations

import ctypes
import gc


def settle() -> None:
    """Hand back what loading has left over, and let the garbage collector pass over what
    stays: a walk over all that torch has made would hold up a step for a tenth of a
    second. What was settled before and is garbage by now is found, too."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
