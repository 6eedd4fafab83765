"""The corpus and its fixed split into training text and held-out text.

Held out, and never seen by the tokenizer's training or the model's:

- one whole book, `UNSEEN_BOOK` (The Thirty-Nine Steps), for text of no known author,
  plot or names;
- the end of every other book, cut at a paragraph: the last `TAIL_SHARE` of its
  characters, for known authors and names in unknown sentences.

No book gives more than `LONGEST` characters to train on. Without that limit a fifth of
the text would be Pepys's diary, and the model would go "so to bed" in any company.
"""

from __future__ import annotations

import lzma
from dataclasses import dataclass
from pathlib import Path

END_OF_TEXT = "<|endoftext|>"
UNSEEN_BOOK = 40
TAIL_SHARE = 0.02
LONGEST = 1_000_000


@dataclass(frozen=True, slots=True)
class Split:
    """Books for training, the held-out ends of the same books, and an unseen book."""

    train: list[str]
    tails: list[str]
    unseen: list[str]


def read_books(path: Path) -> list[str]:
    """Read the books of a text file, plain or ``.xz``, in their order."""
    opener = lzma.open if path.suffix == ".xz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        text = file.read()
    books = (book.strip("\n") for book in text.split(END_OF_TEXT))
    return [book for book in books if book]


def split_books(books: list[str], *, unseen_book: int = UNSEEN_BOOK) -> Split:
    """Divide books into what is trained on and what only measures the result."""
    pairs = [
        split_tail(book) for number, book in enumerate(books) if number != unseen_book
    ]
    return Split(
        train=[shorten(head) for head, _ in pairs],
        tails=[tail for _, tail in pairs],
        unseen=books[unseen_book : unseen_book + 1],
    )


def shorten(book: str, longest: int = LONGEST) -> str:
    """Keep the paragraphs that end within the first ``longest`` characters."""
    if len(book) <= longest:
        return book
    return book[: max(0, book.rfind("\n", 0, longest + 1))]


def split_tail(book: str, share: float = TAIL_SHARE) -> tuple[str, str]:
    """Cut a book before the first paragraph that lies wholly in its last share."""
    wanted = len(book) - int(len(book) * share)
    cut = book.find("\n", wanted - 1)
    if cut < 0:
        return book, ""
    return book[:cut], book[cut + 1 :]
