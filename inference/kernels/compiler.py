"""`python -m inference.kernels.compiler` writes the object code of all kernels.

Numba turns Python into LLVM's language and LLVM that into this processor's.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, overload, register_jitable
from numba.np.arrayobj import populate_array

import inference.kernels
from inference.kernels import (
    byte_products,
    byte_products_compiled,
    floats,
    threads,
)
from inference.kernels.declare import HELPERS, Function, Parameter, variants
from inference.kernels.parallel import KERNELS

# A row's sums may be taken in the order that is fastest: it is the same for every row,
# since it follows from how long the sums are.
FASTMATH = {"contract", "reassoc", "nsz", "nnan"}
_OPTIONS: dict[str, Any] = {
    "error_model": "numpy",
    "fastmath": FASTMATH,
    "_nrt": False,
}
_TYPES = {"bfloat16": types.uint16}
_WORDS = types.CPointer(types.int64)
# What numba compiles gives back whether it failed, which a kernel does not.
_ENTRY = """
declare i32 @"{compiled}"(ptr, ptr, ptr)
define void @"{name}"(ptr %words) {{
  %result = alloca ptr
  %failure = alloca ptr
  call i32 @"{compiled}"(ptr %result, ptr %failure, ptr %words)
  ret void
}}
"""


def compile_all() -> bytes:
    """One object file with every kernel under its own name."""
    for module in pkgutil.iter_modules(inference.kernels.__path__):
        importlib.import_module(f"{inference.kernels.__name__}.{module.name}")
    for helper in HELPERS:
        register_jitable(**_OPTIONS)(helper)
    for function, implementation in _IMPLEMENTATIONS.items():
        overload(function, jit_options=_OPTIONS)(implementation)
    whole = llvm.parse_assembly("")
    for kernel in KERNELS:
        for name, parameters in variants(kernel.function).items():
            whole.link_in(_compile(kernel.function, name, parameters))
    target = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        codemodel="large",
    )
    code: bytes = target.emit_object(whole)
    return code


def _compile(
    function: Function, name: str, parameters: list[Parameter]
) -> llvm.ModuleRef:
    body, unpack = njit(**_OPTIONS)(function), _unpack(parameters)

    def call(words: Any) -> None:
        body(*unpack(words))

    compiled = njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **_OPTIONS)(call)
    compiled.compile((_WORDS,))
    module = llvm.parse_assembly(compiled.inspect_llvm((_WORDS,)))
    mangled = compiled.overloads[_WORDS,].fndesc.llvm_func_name
    entry = _ENTRY.format(name=name, compiled=mangled)
    module.link_in(llvm.parse_assembly(entry))
    return module


def _unpack(parameters: list[Parameter]) -> Callable[[Any], Any]:
    """The words of a call as the kernel's arguments."""
    wanted = types.Tuple([_type(parameter) for parameter in parameters])

    @intrinsic  # type: ignore[untyped-decorator]
    def unpack(typing: Any, words: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            values = []
            position = 0
            for parameter, kind in zip(parameters, wanted, strict=True):
                place = cgutils.gep_inbounds(builder, arguments[0], position)
                values.append(_load(context, builder, place, kind))
                position += parameter.num_words
            return context.make_tuple(builder, wanted, values)

        return wanted(words), generate

    unpacked: Callable[[Any], Any] = unpack
    return unpacked


def _load(context: Any, builder: Any, place: Any, kind: Any) -> Any:
    """A number, or an array: where it is and how long in each dimension."""
    if not isinstance(kind, types.Array):
        pointer = builder.bitcast(place, context.get_value_type(kind).as_pointer())
        return builder.load(pointer)
    element = context.get_data_type(kind.dtype)
    shape = [
        builder.load(cgutils.gep_inbounds(builder, place, 1 + dim))
        for dim in range(kind.ndim)
    ]
    size = context.get_constant(types.intp, context.get_abi_sizeof(element))
    strides = [size]
    for length in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], length))
    array = context.make_array(kind)(context, builder)
    populate_array(
        array,
        data=builder.inttoptr(builder.load(place), element.as_pointer()),
        shape=cgutils.pack_array(builder, shape),
        strides=cgutils.pack_array(builder, strides),
        itemsize=size,
        meminfo=None,
    )
    return array._getvalue()


def _type(parameter: Parameter) -> Any:
    element = _TYPES.get(parameter.element) or getattr(types, parameter.element)
    if not parameter.num_dims:
        return element
    return types.Array(element, parameter.num_dims, "C")


_thread = types.ExternalFunction("omp_get_thread_num", types.int32())
_threads = types.ExternalFunction("omp_get_num_threads", types.int32())
_barrier = types.ExternalFunction("GOMP_barrier", types.void())


# Their parameters must be annotated as those of what they give back.
def _my_share(count: Any) -> Function:
    def share(count: Any) -> range:
        number, total = np.int64(_thread()), np.int64(_threads())
        return range(count * number // total, count * (number + 1) // total)

    return share


def _my_number() -> Function:
    def number() -> Any:
        return np.int64(_thread())

    return number


def _wait_for_others() -> Function:
    return lambda: _barrier()


def _widen(number: Any) -> Function:
    return floats.widened if number == types.uint16 else floats.same


def _narrow(number: Any, like: Any) -> Function:
    return floats.rounded if like == types.uint16 else floats.first


def _larger(one: Any, other: Any) -> Function:
    def larger(one: Any, other: Any) -> Any:
        return _select_larger(one, other)

    return larger


@intrinsic  # type: ignore[untyped-decorator]
def _select_larger(typing: Any, one: Any, other: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        flags = ("nnan", "nsz")
        is_larger = builder.fcmp_ordered(">", *arguments, flags=flags)
        return builder.select(is_larger, *arguments, flags=flags)

    return types.float32(types.float32, types.float32), generate


# What stands for a function of Python's, by the types of its arguments.
_IMPLEMENTATIONS = {
    threads.my_share: _my_share,
    threads.wait_for_others: _wait_for_others,
    threads.my_number: _my_number,
    byte_products.multiply_bytes: byte_products_compiled.multiply_bytes,
    floats.widen: _widen,
    floats.narrow: _narrow,
    floats.larger: _larger,
}


if __name__ == "__main__":
    sys.stdout.buffer.write(compile_all())
