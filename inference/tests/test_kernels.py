"""How kernels are called, compiled, kept and shared among threads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from inference.kernels import floats, library, threads
from inference.kernels.greedy import find_first_largest


@pytest.fixture(params=[1, 2, 3])
def num_threads(request: pytest.FixtureRequest) -> Iterator[int]:
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(1)


@pytest.mark.parametrize("length", [1, 16, 255, 256, 257, 1000])
@pytest.mark.parametrize("num_rows", [1, 2, 7])
def test_it_finds_the_first_of_the_largest_numbers(
    num_rows: int, length: int, num_threads: int
) -> None:
    rows = torch.randn(num_rows, length).round_(decimals=1)
    places = torch.full((num_rows,), -1)

    find_first_largest(rows, places)

    assert torch.equal(places, rows.argmax(-1))


def test_it_finds_what_is_not_infinitely_small() -> None:
    rows = torch.full((1, 600), -torch.inf)
    rows[0, 511] = -3
    places = torch.full((1,), -1)

    find_first_largest(rows, places)

    assert places.tolist() == [511]


def test_it_computes_as_the_python_that_it_is_made_of() -> None:
    rows, places = torch.randn(3, 700), torch.zeros(3, dtype=torch.long)
    expected = np.zeros(3, dtype=np.int64)

    find_first_largest(rows, places)
    find_first_largest.function(rows.numpy(), expected)

    assert places.tolist() == expected.tolist()


@pytest.mark.parametrize(
    "wrong",
    [
        torch.zeros(3, 4, dtype=torch.double),
        torch.zeros(3),
        torch.zeros(3, 8)[:, ::2],
        3,
    ],
)
def test_it_refuses_what_it_is_not_written_for(wrong: torch.Tensor | int) -> None:
    with pytest.raises(TypeError, match="find_first_largest does not take"):
        find_first_largest(wrong, torch.zeros(3, dtype=torch.long))


def test_it_keeps_the_first_arguments_that_it_is_bound_to() -> None:
    places = torch.zeros(3, dtype=torch.long)

    find = find_first_largest.bind(torch.eye(3))
    find(places)

    assert places.tolist() == [0, 1, 2]
    with pytest.raises(TypeError, match="find_first_largest does not take"):
        find(torch.zeros(3))


def test_it_does_everything_on_one_thread_where_it_cannot_ask_for_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "_fork", None)
    rows, places = torch.randn(5, 300), torch.zeros(5, dtype=torch.long)

    find_first_largest(rows, places)

    assert torch.equal(places, rows.argmax(-1))


def test_it_rounds_to_bf16_as_torch_does() -> None:
    numbers = torch.randn(2000).view(torch.int32).bitwise_and_(~0x7FFF)
    numbers[::2] |= 0x8000
    floating = numbers.view(torch.float32)
    expected = floating.bfloat16().view(torch.uint16).numpy()

    bits = [floats.narrow(number, np.uint16(0)) for number in floating.numpy()]

    assert np.array_equal(np.array(bits), expected)
    assert floats.widen(expected[3]) == floating[3].bfloat16().float().item()


def test_its_exponential_is_right_to_two_units_in_the_last_place() -> None:
    numbers = np.linspace(-86.9, 88, 4001, dtype=np.float32)
    exact = np.exp(numbers.astype(np.float64))

    found = np.array([floats.exp(number) for number in numbers])

    assert np.max(np.abs(found / exact - 1)) < 2 * 2**-23
    assert floats.exp(np.float32(-1e30)) == 0
    assert floats.exp(np.float32(-np.inf)) == 0


def test_it_compiles_once_and_keeps_that_where_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    folders = [tmp_path / "file" / "no folder", tmp_path / "cache"]
    monkeypatch.setattr(library, "folders", lambda: folders)

    code = library.object_code()

    monkeypatch.setattr(library, "_compile", lambda name: pytest.fail(name))
    assert library.object_code() == code
    assert [path.suffix for path in folders[1].iterdir()] == [".o"]


@pytest.mark.parametrize("left", [0, 50, -100])
def test_what_was_kept_and_is_damaged_is_compiled_anew(
    left: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / f"kernels-{library.fingerprint()}.o"
    library._write(file, b"object code" * 100)
    monkeypatch.setattr(library, "folders", lambda: [tmp_path])
    monkeypatch.setattr(library, "_compile", lambda name: b"anew")
    assert library.object_code() == b"object code" * 100

    file.write_bytes(file.read_bytes()[:left])

    assert library.object_code() == b"anew"


def test_it_leaves_nothing_of_what_could_not_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(path: Path, code: bytes) -> None:
        path.touch()
        raise OSError("the disk is full")

    monkeypatch.setattr(Path, "write_bytes", write)
    with pytest.raises(OSError, match="full"):
        library._write(tmp_path / "kernels.o", b"object code")

    assert not list(tmp_path.iterdir())


def test_it_needs_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    assert library.folders() == [library.HERE / "__pycache__"]


def test_other_code_is_compiled_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = library.fingerprint()
    (tmp_path / "another.py").write_text("# another kernel")
    monkeypatch.setattr(library, "HERE", tmp_path)

    assert library.fingerprint() != before
