from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from bench.targets import TARGETS

ROOT = Path(__file__).resolve().parent.parent.parent
FIGURES = {
    "engine.bf16.streams4.tokens_per_second",
    "engine.bf16.streams1.step_ms",
    "engine.bf16.one_token.total_ms",
    "engine.bf16.joining.longest_gap_ms",
    "engine.bf16.prefix.second_ttft_ms",
    "transformers.bf16.streams4.tokens_per_second",
    "http.bf16.streams4.tokens_per_second",
    "http.bf16.one_token.total_ms",
    "http.bf16.steady.p95_ttft_ms",
    "doors.bf16.native_one_token.total_ms",
    "doors.bf16.npu_streams.tokens_per_second",
    "doors.bf16.openai_streams.tokens_per_second",
    "doors.bf16.huggingface_streams.tokens_per_second",
    "site.bf16.start.seconds",
    "site.bf16.start.web_mb",
    "naive.bf16.serial.tokens_per_second",
}


@pytest.mark.slow
def test_it_prints_tables_and_ends_with_one_line_of_json() -> None:
    completed = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--precisions", "bf16"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
    *tables, last = completed.stdout.splitlines()
    report = json.loads(last)

    assert set(report["figures"]) >= FIGURES
    assert all(map(math.isfinite, report["figures"].values()))
    assert [one["name"] for one in report["targets"]] == [t.name for t in TARGETS]
    assert any(line.startswith("| target") for line in tables)
