"""A layer's row gets the same bits alone and among others, with real sizes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch.nn import functional as F

from inference.layers import Activation, QuantizedLinear, RepackedLinear, gelu_tanh

SIZES = [(3072, 768), (768, 3072), (576, 1536)]


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    """One thread splits no sum."""
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


@pytest.mark.parametrize("activation", ["none", "gelu_tanh", "silu"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("num_outputs", "num_inputs"), SIZES)
def test_it_gives_a_row_the_same_bits_among_any_others(
    num_outputs: int, num_inputs: int, dtype: torch.dtype, activation: Activation
) -> None:
    generator = torch.Generator().manual_seed(1)
    weight = torch.randn(num_outputs, num_inputs, generator=generator) / 50
    rows = torch.randn(24, num_inputs, generator=generator).to(dtype)
    layer = RepackedLinear(weight.to(dtype), None, activation)

    with torch.inference_mode():
        together = layer(rows)
        for length in (1, 2, 3, 5, 16):
            parts = [layer(part) for part in rows.split(length)]
            assert torch.equal(torch.cat(parts), together), length


@pytest.mark.parametrize(("num_outputs", "num_inputs"), SIZES)
def test_it_quantises_to_within_a_percent(num_outputs: int, num_inputs: int) -> None:
    generator = torch.Generator().manual_seed(1)
    weight = torch.randn(num_outputs, num_inputs, generator=generator)
    bias = torch.randn(num_outputs, generator=generator)
    rows = torch.randn(5, num_inputs, generator=generator)
    rows[1] *= 1000
    rows[2] = 0

    found = QuantizedLinear(weight, bias, "none")(rows)

    exact = F.linear(rows, weight, bias)
    errors = (found - exact).norm(dim=1) / exact.norm(dim=1)
    assert errors.max() < 0.015
    assert torch.equal(found[2], bias)


def test_it_computes_gelu_by_the_sigmoid_as_by_the_tangent() -> None:
    rows = torch.linspace(-30, 30, 3001)

    torch.testing.assert_close(
        gelu_tanh(rows), F.gelu(rows, approximate="tanh"), atol=2e-6, rtol=2e-6
    )
