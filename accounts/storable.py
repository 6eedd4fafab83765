"""Texts that every database takes, as they are or to look something up."""

from __future__ import annotations

import unicodedata

from django.core.exceptions import ValidationError

_CONTROL_CATEGORIES = {"Cc", "Zl", "Zp"}


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


def validate_name(text: str) -> None:
    """Names stand on one line: of a page, of a file and of a message's head."""
    if any(unicodedata.category(each) in _CONTROL_CATEGORIES for each in text):
        raise ValidationError("A name is one line, without control characters.")
