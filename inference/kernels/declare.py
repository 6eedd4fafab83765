"""How a kernel is written: a function over arrays and numbers, typed by what is here.

It is plain Python, which also runs as it stands, and is compiled before it is used
(`compiler.py`): so it loops, calls helpers and a few functions of NumPy's, and neither
makes an array nor raises anything. What it computes goes into arrays that it is given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple, get_type_hints

import numpy as np
from numpy.typing import NDArray

# The types that numbers between the layers may have; a kernel that takes some is
# compiled once for each. NumPy knows no bf16: a kernel sees its bits, see `floats.py`.
ROW_TYPES = ("float32", "bfloat16")
ROW = "row"


class Parameter(NamedTuple):
    """What a word or more of a call means: an array's element and number of dimensions,
    or a number, which has none."""

    element: str
    num_dims: int = 0

    @property
    def num_words(self) -> int:
        return 1 + self.num_dims


Floats1 = Annotated[NDArray[np.float32], Parameter("float32", 1)]
Floats2 = Annotated[NDArray[np.float32], Parameter("float32", 2)]
Floats3 = Annotated[NDArray[np.float32], Parameter("float32", 3)]
Floats4 = Annotated[NDArray[np.float32], Parameter("float32", 4)]
Floats5 = Annotated[NDArray[np.float32], Parameter("float32", 5)]
# Of one type in a call: fp32, or bf16.
Rows3 = Annotated[NDArray[Any], Parameter(ROW, 3)]
Longs1 = Annotated[NDArray[np.int64], Parameter("int64", 1)]
Ints1 = Annotated[NDArray[np.int32], Parameter("int32", 1)]
Ints2 = Annotated[NDArray[np.int32], Parameter("int32", 2)]
Ints3 = Annotated[NDArray[np.int32], Parameter("int32", 3)]
SignedBytes2 = Annotated[NDArray[np.int8], Parameter("int8", 2)]
SignedBytes3 = Annotated[NDArray[np.int8], Parameter("int8", 3)]
Bytes2 = Annotated[NDArray[np.uint8], Parameter("uint8", 2)]
_NUMBERS = {int: Parameter("int64"), float: Parameter("float64")}

Function = Callable[..., Any]
# What kernels may call; plain functions for Python, and known to the compiler.
HELPERS: list[Function] = []


def helper(function: Function) -> Function:
    """Let kernels call the function."""
    HELPERS.append(function)
    return function


def parameters(function: Function) -> list[Parameter]:
    """What a kernel takes, by the types it is written with."""
    hints = get_type_hints(function, include_extras=True)
    hints.pop("return", None)
    return [_NUMBERS.get(hint) or hint.__metadata__[0] for hint in hints.values()]


def variants(function: Function) -> dict[str, list[Parameter]]:
    """The parameters of each form in which a kernel is compiled, by its name there."""
    name, wanted = function.__name__, parameters(function)
    if all(parameter.element != ROW for parameter in wanted):
        return {name: wanted}
    return {
        f"{name}.{kind}": [
            p._replace(element=kind) if p.element == ROW else p for p in wanted
        ]
        for kind in ROW_TYPES
    }
