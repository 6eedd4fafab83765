from __future__ import annotations

import codecs
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@pytest.mark.parametrize("pieces", [["xaa"], ["xa", "a"], ["x", "a", "a"]])
def test_it_takes_the_one_that_is_whole_first_in_whatever_pieces(
    pieces: list[str],
) -> None:
    encoded = [piece.encode() for piece in pieces]
    detokenizer = Detokenizer(encoded, stop=["xaa", "a"])
    numbers = iter(range(len(pieces)))
    shown = ""
    while detokenizer.stop_sequence is None:
        shown += detokenizer.push(next(numbers))

    assert (shown, detokenizer.stop_sequence) == ("x", "a")


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


# Few characters, of one to four bytes, so that stop sequences occur by chance.
LETTERS = st.sampled_from("ab \né€\U0001f600")
TEXTS = st.text(LETTERS, max_size=30)
STOPS = st.lists(st.text(LETTERS, min_size=1, max_size=4), max_size=3)


def cut_at_first_stop(text: str, stops: list[str]) -> str:
    """Before the one that is whole first, and of those the longest."""
    for end in range(1, len(text) + 1):
        if whole := [one for one in stops if text[:end].endswith(one)]:
            return text[: end - max(map(len, whole))]
    return text


@given(TEXTS, STOPS, st.data())
def test_it_shows_all_text_before_the_first_stop_sequence_and_nothing_after(
    text: str, stops: list[str], data: st.DataObject
) -> None:
    """Whatever pieces the text comes in, characters cut anywhere."""
    encoded = text.encode()
    places = st.lists(st.integers(0, len(encoded)), max_size=10)
    cuts = [0, *sorted(data.draw(places)), len(encoded)]
    pieces = [encoded[a:b] for a, b in itertools.pairwise(cuts)]
    detokenizer = Detokenizer(pieces, stop=stops)
    expected, shown = cut_at_first_stop(text, stops), ""

    for token_id in range(len(pieces)):
        if detokenizer.stop_sequence is None:
            shown += detokenizer.push(token_id)
        assert expected.startswith(shown)

    assert shown + detokenizer.flush() == expected
    assert (detokenizer.stop_sequence is None) == (expected == text)


@given(st.lists(st.binary(max_size=4), max_size=12))
def test_it_shows_any_bytes_as_decoding_them_at_once_would(pieces: list[bytes]) -> None:
    """Half a character at the very end is dropped."""
    detokenizer = Detokenizer(pieces)
    shown = "".join(detokenizer.push(token_id) for token_id in range(len(pieces)))

    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    assert shown + detokenizer.flush() == decoder.decode(b"".join(pieces))


@given(TEXTS, TEXTS, STOPS)
def test_it_goes_on_the_same_after_a_fork(
    start: str, rest: str, stops: list[str]
) -> None:
    first = Detokenizer(PIECES, stop=stops)
    push_all(first, start.encode()[:-1])
    second = first.fork()

    shown = [push_all(one, rest.encode()) for one in (first, second)]

    assert shown[0] == shown[1]
    assert first.stop_sequence == second.stop_sequence
