"""What a layer's first matrix makes of a row: heads of queries, of keys and of values."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Turns(NamedTuple):
    """How far the queries and keys of one step's rows are turned, `[row, head, dim]` in
    fp32; made once and used in every layer."""

    cosines: Tensor
    sines: Tensor

    def apply(self, rows: Tensor) -> Tensor:
        """Rows `[row, head, dim]` of these heads, turned, in fp32."""
        half = rows.size(-1) // 2
        return rows * self.cosines + rows.roll(half, -1) * self.sines

    def of(self, rows: slice) -> Turns:
        return Turns(self.cosines[rows], self.sines[rows])


class Heads(NamedTuple):
    """Each `[row, head, dim]`, in fp32."""

    queries: Tensor
    keys: Tensor
    values: Tensor

    @classmethod
    def of(cls, rows: Tensor, turns: Turns | None, num_kv_heads: int) -> Heads:
        """Of rows as `Attend` takes them."""
        turned, values = rows.split((rows.size(1) - num_kv_heads, num_kv_heads), 1)
        turned = turned.float() if turns is None else turns.apply(turned)
        num_heads = turned.size(1) - num_kv_heads
        queries, keys = turned.split((num_heads, num_kv_heads), 1)
        return cls(queries, keys, values.float())
