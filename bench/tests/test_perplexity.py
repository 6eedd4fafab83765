from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from bench.checkpoint import NEO_TINY
from bench.perplexity import Loss, measure, table, windows_of
from inference.tokenizer import Tokenizer

TEXT = "It was a dark evening in November, and the old gentleman went home. " * 12


def test_it_counts_what_transformers_counts() -> None:
    model = AutoModelForCausalLM.from_pretrained(NEO_TINY, dtype=torch.float32)
    windows = torch.tensor(windows_of(Tokenizer.load(NEO_TINY).encode(TEXT), 40))
    expected = model(windows, labels=windows).loss.item()

    (found,) = measure(NEO_TINY, TEXT, precisions=["fp32"], length=40, num_threads=1)

    assert found.tokens == len(windows) * 39
    assert found.nats_per_token == pytest.approx(expected, abs=1e-4)


def test_it_leaves_out_a_window_that_is_not_whole() -> None:
    assert windows_of([1, 2, 3, 4, 5], 2) == [[1, 2], [3, 4]]
    assert windows_of([1], 2) == []


def test_it_tells_the_change_from_the_first_precision() -> None:
    rows = table([Loss("fp32", 10, 1.0), Loss("int8", 10, 1.01)]).splitlines()

    assert rows[2:] == [
        "| fp32 | 2.718 | 1.0000 | +0.00% |",
        "| int8 | 2.746 | 1.0100 | +1.01% |",
    ]


def test_it_ends_with_one_line_of_json(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(TEXT)
    options = ["--window", "64", "--precisions", "fp32", "--threads", "1"]

    result = subprocess.run(
        [
            *(sys.executable, "-m", "bench.perplexity"),
            *(str(NEO_TINY), str(tmp_path / "text.txt"), *options),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    assert json.loads(result.stdout.splitlines()[-1])["fp32"]["tokens"] > 0
