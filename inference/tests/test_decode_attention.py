"""One kernel's attention against torch's, and the same bits in any company."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from inference.decode_attention import CompiledDecode, DecodeAttention, PlainDecode
from inference.heads import Turns
from inference.kv_tensors import KVTensors

CONTEXT_LENGTH, NUM_SLOTS = 300, 7
POSITIONS = (0, 5, 63, 64, 200, 257, 299)


class Sizes(NamedTuple):
    num_heads: int
    num_kv_heads: int
    head_dim: int


SIZES = [Sizes(4, 4, 64), Sizes(9, 3, 64), Sizes(6, 2, 6)]


@pytest.fixture(params=[1, 3])
def num_threads(request: pytest.FixtureRequest) -> Iterator[int]:
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(1)


def make_kv(sizes: Sizes) -> KVTensors:
    kv = KVTensors(
        num_layers=2,
        num_slots=NUM_SLOTS,
        num_heads=sizes.num_kv_heads,
        context_length=CONTEXT_LENGTH,
        head_dim=sizes.head_dim,
    )
    generator = torch.Generator().manual_seed(1)
    kv.keys.normal_(generator=generator)
    kv.values.normal_(generator=generator)
    return kv


def make_rows(sizes: Sizes, dtype: torch.dtype) -> tuple[Tensor, Turns]:
    generator = torch.Generator().manual_seed(2)
    num_heads = sizes.num_heads + sizes.num_kv_heads
    rows, cosines, sines = (
        torch.randn(NUM_SLOTS, number, sizes.head_dim, generator=generator)
        for number in (num_heads + sizes.num_kv_heads, num_heads, num_heads)
    )
    return rows.to(dtype), Turns(cosines, sines)


def attend(
    kind: type[DecodeAttention],
    kv: KVTensors,
    rows: Tensor,
    turns: Turns | None,
    width: int | None,
    wanted: list[int],
) -> Tensor:
    """The context of the wanted rows, the n-th of them in slot n, computed together."""
    if turns is not None:
        turns = Turns(turns.cosines[wanted], turns.sines[wanted])
    num_heads = rows.size(1) - 2 * kv.num_heads
    context = rows.new_empty(len(wanted), num_heads, rows.size(2))
    decoding = kind(kv, wanted, [POSITIONS[number] for number in wanted])
    decoding.attend(1, rows[wanted], turns, width, context)
    return context


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("is_turned", [True, False])
@pytest.mark.parametrize("width", [None, 1, 40, 256])
@pytest.mark.parametrize("sizes", SIZES)
def test_it_computes_and_stores_what_torch_does(
    sizes: Sizes, width: int | None, is_turned: bool, dtype: torch.dtype
) -> None:
    rows, turns = make_rows(sizes, dtype)
    plain, compiled = make_kv(sizes), make_kv(sizes)
    asked = rows, turns if is_turned else None, width, list(range(NUM_SLOTS))

    expected = attend(PlainDecode, plain, *asked)
    found = attend(CompiledDecode, compiled, *asked)

    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(compiled.keys, plain.keys)
    torch.testing.assert_close(compiled.values, plain.values)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("width", [None, 100])
@pytest.mark.parametrize("sizes", SIZES)
def test_it_gives_a_row_the_same_bits_in_any_company(
    sizes: Sizes, width: int | None, dtype: torch.dtype, num_threads: int
) -> None:
    rows, turns = make_rows(sizes, dtype)
    everyone = list(range(NUM_SLOTS))
    kv = make_kv(sizes)
    together = attend(CompiledDecode, kv, rows, turns, width, everyone)
    stored = kv.keys.clone(), kv.values.clone()

    for company in ([4, 2], [6], [5, 6, 0], everyone[::-1]):
        kv = make_kv(sizes)
        found = attend(CompiledDecode, kv, rows, turns, width, company)
        assert torch.equal(found, together[company])
        for memory, of_all in zip((kv.keys, kv.values), stored, strict=True):
            assert torch.equal(memory[:, company], of_all[:, company])


def test_it_gives_the_same_bits_whatever_lies_beyond_and_in_another_slot() -> None:
    sizes = SIZES[0]
    rows, _ = make_rows(sizes, torch.float32)
    kv = make_kv(sizes)
    expected = attend(CompiledDecode, kv, rows, None, None, [4])
    kv.keys[:, 2], kv.values[:, 2] = kv.keys[:, 4], kv.values[:, 4]
    block, place = divmod(POSITIONS[4] + 1, kv.keys.size(-1))
    kv.keys[:, 2, :, block, :, place:] = torch.nan
    kv.values[:, 2, :, POSITIONS[4] + 1 :] = torch.nan
    context = torch.empty_like(expected)

    CompiledDecode(kv, [2], [POSITIONS[4]]).attend(1, rows[4:5], None, None, context)

    assert torch.equal(context, expected)
