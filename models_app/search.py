"""What the catalogue page shows for a query string."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import QueryDict

from accounts.tiers import Tier
from models_app.models import LanguageModel


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueSearch:
    """Words that all must occur, a tag, and a tier that must be enough."""

    text: str = ""
    tag: str = ""
    tier: Tier | None = None

    @classmethod
    def from_query(cls, query: QueryDict) -> CatalogueSearch:
        """A tier that does not exist is no tier: shared links outlive renames."""
        tier = query.get("tier", "")
        return cls(
            text=query.get("q", "").strip()[:100],
            tag=query.get("tag", "").strip(),
            tier=Tier(tier) if tier in Tier.values else None,
        )

    @property
    def is_empty(self) -> bool:
        return not (self.text or self.tag or self.tier)

    def apply(self, entries: Iterable[LanguageModel]) -> list[LanguageModel]:
        return [entry for entry in entries if self._matches(entry)]

    def finds(self, *texts: str) -> bool:
        """Whether what has no tag, and is open to every tier, is among what is shown."""
        return not self.tag and self._has_words(" ".join(texts))

    def _matches(self, entry: LanguageModel) -> bool:
        return (
            self._has_words(_words_of(entry))
            and (not self.tag or self.tag in entry.tags)
            and (self.tier is None or self.tier.includes(Tier(entry.minimum_tier)))
        )

    def _has_words(self, text: str) -> bool:
        return all(word in text.lower() for word in self.text.lower().split())


def _words_of(entry: LanguageModel) -> str:
    parts = (entry.name, entry.slug, entry.public_id, entry.summary, *entry.tags)
    return " ".join(parts)
