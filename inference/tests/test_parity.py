from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from inference.architectures import gpt_neo, llama
from inference.architectures.base import ModelShape
from inference.reference.parity import (
    TOLERANCES,
    Reference,
    compare,
    continue_greedily,
    judge,
    prompts_of,
    tokenizer_problem,
)
from inference.tokenizer import Tokenizer
from inference.weights import Weights

References = dict[str, Reference]


def references_of(folder: Path) -> References:
    return continue_greedily(folder, prompts_of(folder, Tokenizer.load(folder)))


@pytest.fixture(scope="module")
def of_gpt_neo(tiny_gpt_neo: Path) -> References:
    return references_of(tiny_gpt_neo)


@pytest.fixture(scope="module")
def of_llama(tiny_llama: Path) -> References:
    return references_of(tiny_llama)


def test_it_finds_the_engine_to_match(
    tiny_gpt_neo: Path, of_gpt_neo: References, tiny_llama: Path, of_llama: References
) -> None:
    assert compare(tiny_gpt_neo, "fp32", of_gpt_neo).matches
    assert compare(tiny_llama, "fp32", of_llama).matches


def test_it_sees_that_local_and_global_layers_were_swapped(
    tiny_gpt_neo: Path, of_gpt_neo: References, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = gpt_neo._attention_windows
    monkeypatch.setattr(gpt_neo, "_attention_windows", lambda c: right(c)[::-1])

    assert not compare(tiny_gpt_neo, "fp32", of_gpt_neo).matches


def test_it_sees_a_window_that_is_one_too_short(
    tiny_gpt_neo: Path, of_gpt_neo: References, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        gpt_neo, "_attention_windows", lambda config: [None, 31, None, 31]
    )

    assert not compare(tiny_gpt_neo, "fp32", of_gpt_neo).matches


def test_it_sees_that_two_layers_were_swapped(
    tiny_llama: Path, of_llama: References, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Swapped(llama.Layer):
        def __init__(
            self,
            config: dict[str, Any],
            shape: ModelShape,
            weights: Weights,
            prefix: str,
        ) -> None:
            number = {"1": "2", "2": "1"}.get(prefix[-1], prefix[-1])
            super().__init__(config, shape, weights, f"{prefix[:-1]}{number}")

    monkeypatch.setattr(llama, "Layer", Swapped)

    assert not compare(tiny_llama, "fp32", of_llama).matches


def test_it_sees_a_tokenizer_that_cuts_in_another_way(
    tiny_llama: Path, tmp_path: Path
) -> None:
    for path in tiny_llama.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    tokenizer = Tokenizer.load(tmp_path)
    assert tokenizer_problem(tmp_path, tokenizer) == ""

    written = json.loads((tmp_path / "tokenizer.json").read_text())
    written["pre_tokenizer"]["add_prefix_space"] = True
    (tmp_path / "tokenizer.json").write_text(json.dumps(written))

    assert (
        tokenizer_problem(tmp_path, tokenizer) == "the tokens of the word text differ"
    )


def test_it_forgives_another_of_two_equally_likely_tokens() -> None:
    expected = torch.tensor([[3.0, 3.0 - 1e-5, 0.0], [0.0, 1.0, 2.0]])
    logits = torch.tensor([[3.0 - 1e-5, 3.0, 0.0], [0.0, 1.0, 2.0]])

    assert judge(logits, expected, TOLERANCES["fp32"]).matches
    assert not judge(logits.flip(1), expected, TOLERANCES["fp32"]).matches


def test_it_takes_no_number_for_what_is_none() -> None:
    expected = torch.tensor([[3.0, 2.0, 0.0]])

    for precision in TOLERANCES:
        found = judge(expected * math.nan, expected, TOLERANCES[precision])
        assert not found.matches
        assert found.difference is None


def test_it_rounds_more_where_less_precise(
    tiny_llama: Path, of_llama: References
) -> None:
    found = [compare(tiny_llama, name, of_llama).difference for name in TOLERANCES]

    assert found == sorted(found, key=lambda one: one or math.inf)
