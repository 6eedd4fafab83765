"""A layer's row gets the same bits alone and among others, with real sizes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial

import pytest
import torch
from torch.nn import functional as F

from inference.kernels import library
from inference.kernels.linear import multiply_quantized
from inference.layers import Activation, QuantizedLinear, RepackedLinear

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


@pytest.mark.parametrize("activation", ["none", "gelu_tanh", "silu"])
@pytest.mark.parametrize(("num_outputs", "num_inputs"), [*SIZES, (200, 30)])
def test_it_quantises_a_row_to_the_same_bits_among_any_others(
    num_outputs: int, num_inputs: int, activation: Activation
) -> None:
    generator = torch.Generator().manual_seed(1)
    weight = torch.randn(num_outputs, num_inputs, generator=generator) / 5
    bias = torch.randn(num_outputs, generator=generator)
    rows = torch.randn(25, num_inputs, generator=generator)
    onto = torch.randn(25, num_outputs, generator=generator)
    layer = QuantizedLinear(weight, bias, activation)
    together = layer(rows)
    added = onto + together

    for length in (1, 2, 5, 6, 7, 13):
        parts = [layer(part) for part in rows.split(length)]
        assert torch.equal(torch.cat(parts), together), length
        split = zip(rows.split(length), onto.clone().split(length), strict=True)
        parts = [layer(part, onto=sums) for part, sums in split]
        assert torch.equal(torch.cat(parts), added), length


@pytest.mark.parametrize("activation", ["none", "gelu_tanh", "silu"])
def test_it_computes_as_the_python_that_the_kernel_is_made_of(
    activation: Activation, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    weight, bias = torch.randn(70, 10), torch.randn(70)
    rows, onto = torch.randn(8, 10), torch.randn(8, 70)
    compiled = QuantizedLinear(weight, bias, activation)(rows, onto=onto.clone())

    def run_python(*arguments: torch.Tensor | int) -> None:
        multiply_quantized.function(
            *(a.numpy() if isinstance(a, torch.Tensor) else a for a in arguments)
        )

    monkeypatch.setattr(
        multiply_quantized, "bind", lambda *first: partial(run_python, *first)
    )
    plain = QuantizedLinear(weight, bias, activation)(rows, onto=onto)

    torch.testing.assert_close(plain, compiled, atol=2e-6, rtol=2e-6)


@pytest.mark.parametrize(
    ("activation", "expected"),
    [("gelu_tanh", partial(F.gelu, approximate="tanh")), ("silu", F.silu)],
)
def test_it_activates_as_torch_does(
    activation: Activation, expected: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    numbers = torch.linspace(-30, 30, 3001)
    layer = QuantizedLinear(torch.zeros(3001, 1), numbers, activation)

    found = layer(torch.zeros(1, 1))[0]

    torch.testing.assert_close(found, expected(numbers), atol=2e-6, rtol=2e-6)


COMPILE_WITHOUT = """
import sys
from inference.kernels import byte_products_compiled, compiler
for feature in sys.argv[1:]:
    byte_products_compiled.WAYS.pop(feature)
sys.stdout.buffer.write(compiler.compile_all())
"""


@pytest.mark.slow
@pytest.mark.parametrize("missing", [["avx512vnni"], ["avx512vnni", "avxvnni"]])
def test_it_quantises_to_the_same_bits_without_the_processors_instructions(
    missing: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = QuantizedLinear(torch.randn(200, 30), torch.randn(200), "gelu_tanh")
    rows = torch.randn(8, 30)
    expected = layer(rows)
    command = [sys.executable, "-c", COMPILE_WITHOUT, *missing]
    code = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    assert code != library.object_code()

    monkeypatch.setattr(library, "object_code", lambda: code)
    monkeypatch.setattr(multiply_quantized, "_addresses", {})
    library._library.cache_clear()
    found = layer(rows)
    library._library.cache_clear()

    assert torch.equal(found, expected)
