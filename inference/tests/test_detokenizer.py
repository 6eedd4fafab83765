from __future__ import annotations

import pytest

from inference.detokenizer import Detokenizer
from inference.tests.fakes import ByteTokenizer

PIECES = ByteTokenizer.pieces


def push_all(detokenizer: Detokenizer, data: bytes) -> list[str]:
    return [detokenizer.push(byte) for byte in data]


def test_it_gives_plain_text_at_once() -> None:
    assert push_all(Detokenizer(PIECES), b"abc") == ["a", "b", "c"]


def test_it_holds_a_character_back_until_its_last_byte() -> None:
    assert push_all(Detokenizer(PIECES), "é€".encode()) == ["", "é", "", "", "€"]


def test_it_drops_half_a_character_at_the_end() -> None:
    detokenizer = Detokenizer(PIECES)
    push_all(detokenizer, "a€".encode()[:-1])

    assert detokenizer.flush() == ""


def test_it_replaces_bytes_that_are_no_character() -> None:
    assert (
        "".join(push_all(Detokenizer(PIECES), b"a\xffb"))
        == "a\N{REPLACEMENT CHARACTER}b"
    )


def test_it_cuts_before_a_stop_sequence_and_names_it() -> None:
    detokenizer = Detokenizer(PIECES, stop=["END"])

    assert "".join(push_all(detokenizer, b"the END")) == "the "
    assert detokenizer.stop_sequence == "END"


def test_it_releases_what_only_looked_like_a_stop_sequence() -> None:
    detokenizer = Detokenizer(PIECES, stop=["END"])

    assert push_all(detokenizer, b"xENx") == ["x", "", "", "ENx"]
    assert detokenizer.stop_sequence is None


def test_it_finds_a_stop_sequence_that_starts_inside_a_failed_one() -> None:
    detokenizer = Detokenizer(PIECES, stop=["aab"])

    assert "".join(push_all(detokenizer, b"aaab")) == "a"


def test_it_takes_the_stop_sequence_that_comes_first() -> None:
    pieces = [b"one two"]
    detokenizer = Detokenizer(pieces, stop=["two", "one"])

    assert detokenizer.push(0) == ""
    assert detokenizer.stop_sequence == "one"


def test_it_gives_held_text_back_when_no_more_comes() -> None:
    detokenizer = Detokenizer(PIECES, stop=["END"])
    push_all(detokenizer, b"xEN")

    assert detokenizer.flush() == "EN"


@pytest.mark.parametrize("cut", range(1, 12))
def test_it_never_shows_part_of_a_stop_sequence(cut: int) -> None:
    data = "né\n\nUser: hi".encode()
    detokenizer = Detokenizer(PIECES, stop=["\n\nUser:"])
    shown = "".join(push_all(detokenizer, data[:cut]))

    assert "\n" not in shown
