from __future__ import annotations

import lzma
from pathlib import Path

from training.corpus import UNSEEN_BOOK, read_books, shorten, split_books, split_tail

BOOK = "\n".join(f"Paragraph {number} of a book." for number in range(200))


def test_it_reads_plain_and_compressed_text_alike(tmp_path: Path) -> None:
    text = "One.\nTwo.\n<|endoftext|>\nThree.\n"
    plain, compressed = tmp_path / "books.txt", tmp_path / "books.txt.xz"
    plain.write_text(text)
    compressed.write_bytes(lzma.compress(text.encode()))
    assert read_books(plain) == read_books(compressed) == ["One.\nTwo.", "Three."]


def test_it_cuts_the_tail_between_paragraphs() -> None:
    head, tail = split_tail(BOOK, share=0.1)
    assert f"{head}\n{tail}" == BOOK
    assert tail.startswith("Paragraph ")
    assert 0.08 < len(tail) / len(BOOK) <= 0.1


def test_it_keeps_a_book_of_one_paragraph_whole() -> None:
    assert split_tail("A single paragraph.") == ("A single paragraph.", "")


def test_it_shortens_a_long_book_between_paragraphs() -> None:
    assert shorten("One.\nTwo.\nThree.", longest=9) == "One.\nTwo."
    assert shorten("One.\nTwo.\nThree.", longest=8) == "One."
    assert shorten("One.\nTwo.", longest=9) == "One.\nTwo."


def test_it_never_trains_on_held_out_text() -> None:
    books = [BOOK.replace("book", f"book number {number}") for number in range(50)]
    split = split_books(books)
    assert len(split.train) == len(split.tails) == 49
    assert split.unseen == [books[UNSEEN_BOOK]]
    trained = {line for book in split.train for line in book.splitlines()}
    held_out = {
        line for book in split.tails + split.unseen for line in book.split("\n")
    }
    assert held_out
    assert not trained & held_out


def test_it_loses_no_paragraph() -> None:
    books = [BOOK.replace("book", f"book number {number}") for number in range(50)]
    split = split_books(books)
    rejoined = [
        f"{head}\n{tail}" for head, tail in zip(split.train, split.tails, strict=True)
    ]
    assert [*rejoined[:UNSEEN_BOOK], *split.unseen, *rejoined[UNSEEN_BOOK:]] == books
