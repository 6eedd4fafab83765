"""A device that is not the CPU, on a machine that has no other.

Its tensors are the CPU's, marked. What a GPU refuses is refused: to compute with marked
and unmarked tensors together, and to read a marked one's memory from the CPU. Kernels
themselves are the CPU's, so it shows where tensors are, not what a GPU computes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

DEVICE = "cuda"
_GET_DEVICE = Tensor.device.__get__
# Their first argument says where; the second, an index, may lie on the CPU.
_INDEXING = {Tensor.__getitem__, Tensor.__setitem__, Tensor.index_put_}
_TO_PYTHON = {Tensor.tolist, Tensor.item, Tensor.__int__, Tensor.__float__}
_OF_THE_CPU = {Tensor.numpy, Tensor.data_ptr, Tensor.__array__}


class DeviceMixed(Exception):
    """What would fail on a GPU."""


class OnDevice(Tensor):
    """A tensor that lies on the pretended device."""

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]


class PretendedGpu(TorchFunctionMode):
    """Within it `device="cuda"` works, in pretence."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func == _GET_DEVICE:
            return torch.device(DEVICE if isinstance(args[0], OnDevice) else "cpu")
        if func is Tensor.to:
            return _move(*args, **kwargs)
        is_marked = _check(func, [*args, *kwargs.values()])
        if _is_device(kwargs.get("device")):
            is_marked = True
            del kwargs["device"]
        result = func(*_plain(args), **_plain(kwargs))
        is_marked &= func not in _TO_PYTHON
        return _marked(result) if is_marked else result


def _check(func: Any, values: list[Any]) -> bool:
    """Whether the result lies on the device."""
    marked = any(isinstance(one, OnDevice) for one in _tensors(values))
    if marked and func in _OF_THE_CPU:
        raise DeviceMixed(f"{func.__name__} of a tensor that is not on the CPU")
    if func in _INDEXING and isinstance(values[0], OnDevice):
        values = [values[0], *values[2:]]
    is_mixed = any(
        one.dim() and not isinstance(one, OnDevice) for one in _tensors(values)
    )
    if marked and is_mixed:
        raise DeviceMixed(f"{func.__name__} of tensors on two devices")
    return marked


def _move(tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """`Tensor.to` a device, a type, both, or as another tensor is."""
    values = [*args, *kwargs.values()]
    devices = [v for v in values if isinstance(v, str | torch.device)]
    devices += [DEVICE for v in values if isinstance(v, OnDevice)]
    devices += ["cpu" for v in values if type(v) is Tensor]
    types = [v for v in values if isinstance(v, torch.dtype)]
    types += [v.dtype for v in values if isinstance(v, Tensor)]
    plain: Tensor = _plain(tensor)
    moved = plain.to(types[0]) if types else plain
    goes = _is_device(devices[0]) if devices else isinstance(tensor, OnDevice)
    result: Tensor = _marked(moved) if goes else moved
    return result


def _is_device(value: Any) -> bool:
    return value is not None and torch.device(value).type == DEVICE


def _tensors(values: Iterable[Any]) -> Iterable[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, tuple | list):
            yield from _tensors(value)


def _plain(value: Any) -> Any:
    return _map(value, Tensor)


def _marked(value: Any) -> Any:
    return _map(value, OnDevice)


def _map(value: Any, kind: type[Tensor]) -> Any:
    if isinstance(value, Tensor):
        return value.as_subclass(kind)
    if isinstance(value, tuple | list):
        return type(value)([_map(one, kind) for one in value])
    if isinstance(value, dict):
        return {name: _map(one, kind) for name, one in value.items()}
    return value
