"""What somebody who misspelt a name has probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like it, unless none is."""
    near = get_close_matches(name.lower(), list(known), n=1, cutoff=0.5)
    return near[0] if near else None


def did_you_mean(name: str, known: Iterable[str], *, otherwise: str) -> str:
    """A hint: the nearest name, or what else to say."""
    near = nearest(name, known)
    return f"Did you mean {near}?" if near else otherwise
