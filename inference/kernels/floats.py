"""What kernels do with single numbers. All of it in fp32."""

from __future__ import annotations

from typing import Any

import numpy as np

from inference.kernels.declare import helper

_LOG2_E = np.float32(1.44269504)
# The logarithm of 2 in two parts, of which the first is exact in few bits.
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_LOWEST, _HIGHEST = np.float32(-87.0), np.float32(88.0)
_HALF, _ONE = np.float32(0.5), np.float32(1)
# Cephes' polynomial for exp(x) - 1 - x between plus and minus half the logarithm of 2.
_P5, _P4, _P3 = np.float32(1.9875691500e-4), np.float32(1.3981999507e-3), np.float32(8.3334519073e-3)  # fmt: skip
_P2, _P1, _P0 = np.float32(4.1665795894e-2), np.float32(1.6666665459e-1), np.float32(5.0000001201e-1)  # fmt: skip


def widen(number: Any) -> Any:
    """A row's number, fp32 or the bits of a bf16, in fp32."""
    return widened(number) if isinstance(number, np.uint16) else number


def narrow(number: Any, like: Any) -> Any:
    """An fp32 number as the row that `like` is of has it: as it is, or the bits of the
    nearest bf16."""
    return rounded(number, like) if isinstance(like, np.uint16) else number


def larger(one: Any, other: Any) -> Any:
    """The larger of two fp32 numbers that are not nan; `max` as the processor has it,
    for many numbers at once."""
    return one if one > other else other


# The compiler knows the type and takes one of these in their places.
def same(number: Any) -> Any:
    return number


def first(number: Any, like: Any) -> Any:
    return number


def widened(number: Any) -> Any:
    return np.uint32(np.uint32(number) << np.uint32(16)).view(np.float32)


def rounded(number: Any, like: Any) -> Any:
    """Of two that are as near the even one."""
    bits = np.float32(number).view(np.uint32)
    half = np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    return np.uint16((bits + half) >> np.uint32(16))


@helper
def exp(number: Any) -> Any:
    """`e` to the power of the number, to two units in the last place; 0 below -87."""
    bounded = min(max(number, _LOWEST), _HIGHEST)
    power = np.floor(bounded * _LOG2_E + _HALF)
    rest = bounded - power * _LN2_HIGH - power * _LN2_LOW
    series = ((((_P5 * rest + _P4) * rest + _P3) * rest + _P2) * rest + _P1) * rest
    series = (series + _P0) * rest * rest + rest + _ONE
    bits = np.uint32(np.int32(power) + np.int32(127)) << np.uint32(23)
    scale = np.uint32(bits).view(np.float32)
    return series * scale if number >= _LOWEST else np.float32(0)
