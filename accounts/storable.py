"""Texts that every database takes, as they are or to look something up."""

from __future__ import annotations


def is_storable(text: str) -> bool:
    """Without NUL, which PostgreSQL does not take, and without half surrogate pairs,
    which JSON's escapes can smuggle in and which are no text."""
    return "\0" not in text and is_whole(text)


def is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
