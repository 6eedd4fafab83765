"""A linear layer with eight-bit weights and eight-bit rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from inference.kernels.byte_products import (
    MAX_ROWS,
    NUM_OUTPUTS,
    multiply_bytes,
)
from inference.kernels.declare import (
    Bytes2,
    Floats1,
    Floats2,
    Ints1,
    Ints3,
    SignedBytes3,
    helper,
)
from inference.kernels.floats import exp, larger
from inference.kernels.parallel import kernel
from inference.kernels.threads import my_number, my_share, wait_for_others

# Eight-bit numbers lie this far to either side of zero.
LEVELS = 127
TINY = 1e-12
# Rows' bytes are unsigned, with zero here.
ZERO = 128
# Half a step more, since a conversion cuts off what follows the point.
_MIDDLE = np.float32(ZERO + 0.5)
# What becomes of the outputs.
NONE, GELU_TANH, SILU = range(3)
_ONE = np.float32(1)
# Of `tanh`'s approximation of GELU, in terms of the sigmoid.
_GELU_SLOPE, _GELU_CUBIC = np.float32(1.5957691216), np.float32(0.044715)


@kernel
def multiply_quantized(
    weights: SignedBytes3,
    middles: Ints1,
    scales: Floats1,
    bias: Floats1,
    activation: int,
    rows: Floats2,
    quantized: Bytes2,
    steps: Floats1,
    sums: Ints3,
    adds: int,
    outputs: Floats2,
) -> None:
    """`outputs` `[row, output]` become those of the layer, or, if `adds`, more by them.

    `weights` are blocks as `byte_products.py` has them, whose outputs have the scales and
    biases; what the bytes' zero adds to each one's sums is in `middles`. `rows` are
    `[row, input]`; `quantized` and `steps` are for their bytes, with whole groups of
    inputs, and their scales; `sums` `[thread, MAX_ROWS, NUM_OUTPUTS]` for a tile's.
    """
    for row in my_share(len(rows)):
        steps[row] = quantize(rows[row], quantized[row])
    wait_for_others()
    mine = sums[my_number()]
    for number in my_share(len(weights)):
        first = number * NUM_OUTPUTS
        block = slice(first, min(first + NUM_OUTPUTS, outputs.shape[1]))
        for start in range(0, len(rows), MAX_ROWS):
            stop = min(start + MAX_ROWS, len(rows))
            multiply_bytes(quantized[start:stop], weights[number], mine)
            for row in range(start, stop):
                finish(
                    *(mine[row - start], middles[block], scales[block], bias[block]),
                    *(steps[row], activation, adds, outputs[row, block]),
                )


@helper
def quantize(row: Any, quantized: Any) -> Any:
    """Fill in the row's bytes; the step from one to the next."""
    largest = np.float32(TINY)
    for place in range(len(row)):
        largest = larger(largest, np.abs(row[place]))
    levels = np.float32(LEVELS) / largest
    for place in range(len(row)):
        quantized[place] = np.uint8(np.int32(row[place] * levels + _MIDDLE))
    return largest / np.float32(LEVELS)


@helper
def finish(
    sums: Any,
    middles: Any,
    scales: Any,
    bias: Any,
    step: Any,
    activation: int,
    adds: int,
    outputs: Any,
) -> None:
    for place in range(len(outputs)):
        total = np.float32(sums[place] - middles[place])
        number = activate(total * scales[place] * step + bias[place], activation)
        outputs[place] = number + outputs[place] if adds else number


@helper
def activate(number: Any, activation: int) -> Any:
    if activation == NONE:
        return number
    inner = number
    if activation == GELU_TANH:
        inner = number * _GELU_SLOPE * (_ONE + _GELU_CUBIC * number * number)
    return number / (_ONE + exp(-inner))
