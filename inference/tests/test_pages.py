"""What a mapped file's tensors take of memory is given back, and their values stay."""

from __future__ import annotations

import ctypes
from pathlib import Path

import llvmlite.binding as llvm
import pytest
import torch
from safetensors.torch import load_file, save_file

from inference.pages import MAPS, MappedTable, give_back_library, give_back_pages

pytestmark = pytest.mark.skipif(not MAPS.is_file(), reason="needs Linux")


def resident_file_kilobytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssFile"))


def test_it_gives_back_what_a_file_maps_and_reads_it_again(tmp_path: Path) -> None:
    save_file({"weight": torch.ones(4096, 1024)}, tmp_path / "model.safetensors")
    weight = load_file(tmp_path / "model.safetensors")["weight"]
    assert weight.sum() == weight.numel()
    before = resident_file_kilobytes()

    give_back_pages(weight)

    assert resident_file_kilobytes() <= before - weight.nbytes // 1024 + 1024
    assert weight.sum() == weight.numel()


def test_it_leaves_memory_alone_that_no_file_backs() -> None:
    weight = torch.ones(4096, 1024)

    give_back_pages(weight)

    assert weight.sum() == weight.numel()


def test_it_gives_back_a_library_that_works_as_before() -> None:
    expected = llvm.get_host_cpu_features().flatten()
    code = next(
        line.split()[0]
        for line in MAPS.read_text().splitlines()
        if "llvmlite" in line and "r-xp" in line
    )
    start, stop = (int(address, 16) for address in code.split("-"))
    assert ctypes.string_at(start, stop - start)
    before = resident_file_kilobytes()

    give_back_library("llvmlite")

    assert resident_file_kilobytes() <= before - (stop - start) // 1024 + 1024
    assert llvm.get_host_cpu_features().flatten() == expected


def test_it_holds_few_of_a_tables_rows(tmp_path: Path) -> None:
    save_file({"table": torch.ones(20_000, 1024)}, tmp_path / "model.safetensors")
    table = load_file(tmp_path / "model.safetensors")["table"]
    give_back_pages(table)
    before = resident_file_kilobytes()
    mapped = MappedTable(table)

    for start in range(0, 20_000, 100):
        assert mapped.rows(torch.arange(start, start + 100)).sum() == 100 * 1024

    assert resident_file_kilobytes() <= before + table.nbytes // 1024 // 4
