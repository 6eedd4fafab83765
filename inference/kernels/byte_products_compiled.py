"""What stands for `byte_products.py` in a compiled kernel.

Each sum stays in a register while all inputs go by. Where a processor has no instruction
for the products, LLVM makes them of those that it has.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from inference.kernels.byte_products import GROUP, MAX_ROWS, NUM_OUTPUTS
from inference.kernels.declare import Function

LANES = 16
_BYTE, _INT, _LONG = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_INTS, _BYTES = ir.VectorType(_INT, LANES), ir.VectorType(_BYTE, LANES * GROUP)
_SIZE = _INT.width // 8
_NUM_VECTORS = NUM_OUTPUTS // LANES


def multiply_bytes(rows: Any, block: Any, sums: Any) -> Function:
    def multiply(rows: Any, block: Any, sums: Any) -> None:
        _multiply(rows, block, sums)

    return multiply


@intrinsic  # type: ignore[untyped-decorator]
def _multiply(typing: Any, rows: Any, block: Any, sums: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        arrays = [
            context.make_array(kind)(context, builder, value)
            for kind, value in zip(signature.args, arguments, strict=True)
        ]
        num_rows, length = cgutils.unpack_tuple(builder, arrays[0].shape, 2)
        places = [builder.bitcast(array.data, _BYTE.as_pointer()) for array in arrays]
        end = builder.append_basic_block("end")
        switch = builder.switch(num_rows, end)
        for count in range(1, MAX_ROWS + 1):
            case = builder.append_basic_block(f"rows{count}")
            switch.add_case(_LONG(count), case)
            builder.position_at_end(case)
            _multiply_rows(builder, count, length, places)
            builder.branch(end)
        builder.position_at_end(end)
        return context.get_dummy_value()

    return types.void(rows, block, sums), generate


def _multiply_rows(builder: Any, count: int, length: Any, places: list[Any]) -> None:
    rows, block, sums = places
    cells = list(product(range(count), range(_NUM_VECTORS)))
    registers = {cell: cgutils.alloca_once(builder, _INTS) for cell in cells}
    for register in registers.values():
        builder.store(ir.Constant(_INTS, None), register)
    with cgutils.for_range_slice(builder, _LONG(0), length, _LONG(GROUP)) as (at, _):
        line = _beyond(builder, block, builder.mul(at, _LONG(NUM_OUTPUTS)))
        weights = [
            _load(builder, _beyond(builder, line, _LONG(number * LANES * GROUP)))
            for number in range(_NUM_VECTORS)
        ]
        for row in range(count):
            start = builder.add(builder.mul(length, _LONG(row)), at)
            inputs = _repeat(builder, _beyond(builder, rows, start))
            for number, weight in enumerate(weights):
                register = registers[row, number]
                added = _add_products(builder, builder.load(register), inputs, weight)
                builder.store(added, register)
    for (row, number), register in registers.items():
        place = (row * NUM_OUTPUTS + number * LANES) * _SIZE
        pointer = _beyond(builder, sums, _LONG(place))
        pointer = builder.bitcast(pointer, _INTS.as_pointer())
        builder.store(builder.load(register), pointer, align=_SIZE)


def _beyond(builder: Any, place: Any, distance: Any) -> Any:
    return builder.gep(place, [distance], source_etype=_BYTE)


def _load(builder: Any, place: Any, kind: Any = _BYTES) -> Any:
    return builder.load(builder.bitcast(place, kind.as_pointer()), align=1)


def _repeat(builder: Any, place: Any) -> Any:
    """A group's bytes, again and again."""
    group = _load(builder, place, _INT)
    return builder.bitcast(_spread(builder, group), _BYTES)


def _spread(builder: Any, number: Any) -> Any:
    nothing = ir.Constant(_INTS, ir.Undefined)
    one = builder.insert_element(nothing, number, _INT(0))
    return builder.shuffle_vector(one, nothing, ir.Constant(_INTS, [0] * LANES))


def _add_at_once(builder: Any, sums: Any, inputs: Any, weights: Any) -> Any:
    """AVX-512 VNNI: sixteen sums."""
    kind = ir.FunctionType(_INTS, [_INTS, _BYTES, _BYTES])
    name = "llvm.x86.avx512.vpdpbusd.512"
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    return builder.call(function, (sums, inputs, weights))


def _add_by_halves(builder: Any, sums: Any, inputs: Any, weights: Any) -> Any:
    """AVX VNNI: eight sums, twice."""
    ints, bytes_ = ir.VectorType(_INT, LANES // 2), ir.VectorType(_BYTE, LANES * 2)
    kind = ir.FunctionType(ints, [ints, bytes_, bytes_])
    name = "llvm.x86.avx512.vpdpbusd.256"
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    low, high = (
        builder.call(function, [_half(builder, v, n) for v in (sums, inputs, weights)])
        for n in range(2)
    )
    return _pick(builder, low, high, range(LANES))


def _add_one_by_one(builder: Any, sums: Any, inputs: Any, weights: Any) -> Any:
    for place in range(GROUP):
        lanes = range(place, LANES * GROUP, GROUP)
        one = builder.zext(_pick(builder, inputs, inputs, lanes), _INTS)
        other = builder.sext(_pick(builder, weights, weights, lanes), _INTS)
        sums = builder.add(sums, builder.mul(one, other))
    return sums


def _half(builder: Any, vector: Any, number: int) -> Any:
    length = vector.type.count // 2
    return _pick(builder, vector, vector, range(number * length, (number + 1) * length))


def _pick(builder: Any, one: Any, other: Any, lanes: Any) -> Any:
    numbers = ir.Constant(ir.VectorType(_INT, len(lanes)), list(lanes))
    return builder.shuffle_vector(one, other, numbers)


# By what the processor must have, the best first.
WAYS: dict[str, Callable[..., Any]] = {
    "avx512vnni": _add_at_once,
    "avxvnni": _add_by_halves,
}


def _add_products(builder: Any, sums: Any, inputs: Any, weights: Any) -> Any:
    """Sixteen sums, and to each the products of four bytes with four."""
    features = llvm.get_host_cpu_features()
    ways = (way for feature, way in WAYS.items() if features.get(feature))
    return next(ways, _add_one_by_one)(builder, sums, inputs, weights)
