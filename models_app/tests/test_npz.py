from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from models_app.errors import InvalidInput
from models_app.npu.npy import MAX_NUMBERS
from models_app.npu.npz import (
    MAX_MEMBERS,
    MAX_UNPACKED_BYTES,
    read_named_file,
    read_prompts,
)


def savez(*arrays: object, **named: object) -> io.BytesIO:
    file = io.BytesIO()
    np.savez(file, *arrays, **named)  # type: ignore[arg-type]
    file.seek(0)
    return file


def as_the_client_does(*texts: str) -> io.BytesIO:
    return savez(**{str(number): text for number, text in enumerate(texts)})


def archive(
    members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED
) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as written:
        for name, content in members.items():
            written.writestr(name, content)
    file.seek(0)
    return file


def npy(header: str, body: bytes = b"", version: int = 1) -> bytes:
    length = len(header).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + header.encode() + body


def refusal(file: io.BytesIO) -> str:
    with pytest.raises(InvalidInput) as caught:
        read_prompts(file)
    assert caught.value.param == "data"
    return caught.value.message


@pytest.mark.parametrize(
    "texts",
    [
        ["When I visit Bath I will"],
        ["a", "", "Grüße, 世界 🎈", "line\nline"],
        [f"prompt {number}" for number in range(12)],
    ],
)
def test_it_reads_what_the_client_writes(texts: list[str]) -> None:
    assert read_prompts(as_the_client_does(*texts)) == texts


def test_it_reads_one_text_and_a_list_in_one_array() -> None:
    assert read_prompts(savez("alone")) == ["alone"]
    assert read_prompts(savez(np.array(["one", "three"]))) == ["one", "three"]


def test_it_reads_either_byte_order_and_every_version() -> None:
    assert read_prompts(savez(np.array("big", dtype=">U3"))) == ["big"]
    header = "{'descr': '<U1', 'fortran_order': False, 'shape': (), }"
    for version in (1, 2, 3):
        content = npy(header, "x".encode("utf-32-le"), version)
        assert read_prompts(archive({"arr_0.npy": content})) == ["x"]


def test_it_never_loads_a_pickle() -> None:
    assert "pickled" in refusal(savez(np.array([{"a": 1}], dtype=object)))


@pytest.mark.parametrize("kind", ["int64", "int32", "uint16", "int8", ">i4"])
def test_it_reads_token_ids(kind: str) -> None:
    ids = [[40, 113, 25], [7, 0, 1]]

    one, several = np.array(ids[0], dtype=kind), np.array(ids, dtype=kind)

    assert read_prompts(savez(one)) == ids[:1]
    assert read_prompts(savez(several)) == ids
    assert read_prompts(savez(np.asfortranarray(several))) == ids
    assert read_prompts(savez(**{"0": one, "1": [7, 0, 1]})) == ids
    assert read_prompts(savez(**{"0": "a text", "1": one})) == ["a text", ids[0]]


def test_it_takes_numbers_one_by_one_for_the_ids_of_one_prompt() -> None:
    numbers = {str(place): place * 10 for place in range(12)}

    assert read_prompts(savez(**numbers)) == [[*range(0, 120, 10)]]
    assert read_prompts(savez(7)) == [[7]]
    assert "mixes" in refusal(savez(**{"0": 1, "1": [2, 3]}))


@pytest.mark.parametrize("array", [[0.5], [True], [1j], np.zeros((1, 1, 1), int)])
def test_it_refuses_other_numbers(array: object) -> None:
    assert "token ids" in refusal(savez(array))


def test_it_refuses_too_many_of_nothing() -> None:
    empty = {str(number): np.zeros((4000, 0), int) for number in range(2)}

    assert "4,096 prompts" in refusal(savez(**empty))
    assert "shape" in refusal(savez(np.zeros((5000, 0), int)))


def test_it_refuses_too_many_numbers() -> None:
    half = {str(number): np.zeros(MAX_NUMBERS // 2 + 1, "int8") for number in "01"}

    assert "token ids" in refusal(savez(**half))


def test_it_says_that_there_is_nothing() -> None:
    assert "no prompt" in refusal(savez())


def test_it_reads_a_file_that_the_caller_named() -> None:
    array = io.BytesIO()
    np.save(array, np.array(["one", "three"]))
    array.seek(0)

    assert read_named_file(io.BytesIO("Grüße\n".encode())) == ["Grüße\n"]
    assert read_named_file(as_the_client_does("a", "b")) == ["a", "b"]
    assert read_named_file(array) == ["one", "three"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe\xff", "UTF-8"),
        (b"PK\3\4 and no archive", "numpy.savez"),
        (b"\x93NUMPY\1\0\0\0", "header"),
        (b"x" * (MAX_UNPACKED_BYTES + 1), "larger"),
    ],
    ids=["no text", "no archive", "no array", "too much"],
)
def test_it_refuses_a_named_file_that_is_neither(content: bytes, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        read_named_file(io.BytesIO(content))


def test_it_refuses_a_bomb_by_what_its_directory_says() -> None:
    zeros = bytes(MAX_UNPACKED_BYTES // 2 + 1)

    assert "unpacks to" in refusal(archive({"0.npy": zeros, "1.npy": zeros}))


def test_it_refuses_a_bomb_whose_directory_lies() -> None:
    file = archive({"arr_0.npy": bytes(64 * 2**20)})
    raw = bytearray(file.getvalue())
    true_size = (64 * 2**20).to_bytes(4, "little")
    while (position := raw.find(true_size)) >= 0:
        raw[position : position + 4] = (100).to_bytes(4, "little")

    assert refusal(io.BytesIO(bytes(raw)))


def test_it_refuses_too_many_members() -> None:
    members = {f"{number}.npy": b"" for number in range(MAX_MEMBERS + 1)}

    assert f"{MAX_MEMBERS:,}" in refusal(archive(members))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_it_refuses_other_compressions(method: int) -> None:
    assert "compressed" in refusal(archive({"arr_0.npy": b"x"}, method))


@pytest.mark.parametrize(
    "members",
    [
        {"1.npy": b""},
        {"0.npy": b"", "2.npy": b""},
        {"evil.npy": b""},
        {"../0.npy": b""},
        {"arr_0.npy": b"", "0.npy": b""},
    ],
)
def test_it_refuses_other_names(members: dict[str, bytes]) -> None:
    assert "name" in refusal(archive(members))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not an array",
        b"\x93NUMPY\x09\0\0\0",
        npy("{'descr': '<U1', 'shape': ()", b"abcd"),
        npy("__import__('os').abort()", b"abcd"),
        npy("(" * 5000, b""),
        npy("[]", b""),
        npy("{'descr': ['<U1'], 'shape': ()}", b"abcd"),
        npy("{'descr': '<U1', 'shape': (2, 2)}", b"abcd" * 4),
        npy("{'descr': '<U1', 'shape': (-1,)}", b""),
        npy("{'descr': '<U1', 'shape': (1000000000,)}", b"abcd"),
        npy("{'descr': '<U99999999', 'shape': ()}", b"abcd"),
        npy("{'descr': '<U1', 'shape': ()}", b"abcdefgh"),
        npy("{'descr': '<U1', 'shape': ()}", b"\xff\xff\xff\xff"),
        npy("{'descr': '<U1', 'shape': ()}" + " " * 20_000, b"abcd"),
    ],
)
def test_it_refuses_broken_arrays(content: bytes) -> None:
    assert refusal(archive({"arr_0.npy": content}))


def test_it_refuses_what_is_no_archive() -> None:
    whole = as_the_client_does("text").getvalue()
    for content in (b"", b"PK", b"x" * 1000, whole[:60], whole[40:]):
        assert "numpy.savez" in refusal(io.BytesIO(content))


def test_it_survives_any_single_damaged_byte() -> None:
    whole = as_the_client_does("text", "more").getvalue()
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        try:
            read_prompts(io.BytesIO(bytes(damaged)))
        except InvalidInput:
            continue
