"""Runs the tests of the modules that need no browser, in javascript/."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

TESTS = Path(__file__).parent / "javascript"


def test_it_passes_its_own_tests() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node: install the Debian package nodejs")
    ran = subprocess.run(
        [node, "--test", *map(str, TESTS.glob("*.test.mjs"))],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
