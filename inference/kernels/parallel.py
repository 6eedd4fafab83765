"""Kernels as functions of tensors, run by the threads that torch computes with."""

from __future__ import annotations

import struct
from array import array
from typing import Any

import torch
from torch import Tensor

from inference.kernels.declare import Function, Parameter, variants
from inference.kernels.library import address_of
from inference.kernels.threads import run
from inference.pages import give_back_library

_NUMBERS = {"int64": int, "float64": float}


class Kernel:
    """Called with contiguous tensors on the CPU and with numbers, as the function that
    it is made of declares. Returns when all threads have done their shares."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.__doc__ = function.__doc__
        self._names = {
            tuple(_kind(p) for p in wanted): name
            for name, wanted in variants(function).items()
        }
        self._addresses: dict[tuple[Any, ...], int] = {}

    def __call__(self, *arguments: Tensor | int | float) -> None:
        """Raises TypeError for what the kernel does not take."""
        kinds, words = _encode(arguments)
        self.run(kinds, words)

    def bind(self, *arguments: Tensor | int | float) -> BoundKernel:
        """The kernel with its first arguments, so that no call looks at them again."""
        return BoundKernel(self, arguments)

    def run(self, kinds: tuple[Any, ...], words: list[int]) -> None:
        run(self._addresses.get(kinds) or self._find(kinds), array("q", words))

    def prepare(self) -> None:
        """Link it now, so that no call has to wait for that."""
        for kinds in self._names:
            self._find(kinds)

    def _find(self, kinds: tuple[Any, ...]) -> int:
        if kinds not in self._names:
            raise TypeError(f"{self.function.__name__} does not take {kinds}")
        self._addresses[kinds] = address_of(self._names[kinds])
        return self._addresses[kinds]


class BoundKernel:
    """Called with the arguments that are left."""

    def __init__(
        self, kernel: Kernel, arguments: tuple[Tensor | int | float, ...]
    ) -> None:
        self._kernel, self._kept = kernel, arguments
        self._kinds, self._words = _encode(arguments)

    def __call__(self, *arguments: Tensor | int | float) -> None:
        kinds, words = _encode(arguments)
        self._kernel.run(self._kinds + kinds, self._words + words)


KERNELS: list[Kernel] = []


def kernel(function: Function) -> Kernel:
    """A kernel out of a function; `declare.py` says how that is written."""
    KERNELS.append(Kernel(function))
    return KERNELS[-1]


def prepare() -> None:
    """Link every kernel that has been imported; compile them all if none are there."""
    for one in KERNELS:
        one.prepare()
    give_back_library("llvmlite")


def _kind(parameter: Parameter) -> Any:
    if not parameter.num_dims:
        return _NUMBERS[parameter.element]
    return getattr(torch, parameter.element), parameter.num_dims, True


def _encode(
    arguments: tuple[Tensor | int | float, ...],
) -> tuple[tuple[Any, ...], list[int]]:
    """What kind each argument is of, and the words of the call."""
    kinds: list[Any] = []
    words: list[int] = []
    for value in arguments:
        if isinstance(value, Tensor):
            kinds.append((value.dtype, value.dim(), value.is_contiguous()))
            words.append(value.data_ptr())
            words += value.shape
        else:
            kinds.append(type(value))
            words.append(value if isinstance(value, int) else _bits(value))
    return tuple(kinds), words


def _bits(number: float) -> int:
    bits: int = struct.unpack("q", struct.pack("d", number))[0]
    return bits
