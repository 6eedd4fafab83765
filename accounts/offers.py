"""The language models that accounts speak of, told by whoever keeps the catalogue.

`models_app` depends on accounts and not the other way round, so it registers itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from accounts.tiers import Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    slug: str
    name: str
    minimum_tier: Tier


class _Catalogue:
    read: ClassVar[Callable[[], list[Offer]]] = list


def register_catalogue(read: Callable[[], list[Offer]]) -> None:
    _Catalogue.read = read


def offers() -> list[Offer]:
    """Every language model that is enabled, in the order of the catalogue."""
    return _Catalogue.read()
