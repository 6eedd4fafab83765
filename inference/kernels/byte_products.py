"""Sums of products of bytes, for a few rows and a block of a matrix's outputs at once.

The processor multiplies four bytes by four and adds up the products in one instruction.
So a block holds a matrix's numbers in the order in which that reads them:
`[input / GROUP, output, input % GROUP]`, the last two in one. What is here is the meaning
in Python; `byte_products_compiled.py` is what stands for it in a compiled kernel.
"""

from __future__ import annotations

import numpy as np

from inference.kernels.declare import Bytes2, Ints2, SignedBytes2

# Inputs that one instruction adds up.
GROUP = 4
# Outputs in a block, and rows whose sums for a block fit the processor's registers.
NUM_OUTPUTS = 64
MAX_ROWS = 6


def multiply_bytes(rows: Bytes2, block: SignedBytes2, sums: Ints2) -> None:
    """At most `MAX_ROWS` rows `[row, input]` times a block: exact sums `[row, output]`."""
    weights = block.reshape(-1, NUM_OUTPUTS, GROUP).swapaxes(0, 1)
    flat = weights.reshape(NUM_OUTPUTS, -1).astype(np.int32)
    sums[: len(rows)] = rows.astype(np.int32) @ flat.T
