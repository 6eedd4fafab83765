"""Brings the database in line with the cards."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from models_app.cards import Card, read_all_cards
from models_app.models import LanguageModel


@dataclass(frozen=True, slots=True)
class SyncReport:
    created: list[str]
    updated: list[str]
    disabled: list[str]


@transaction.atomic
def sync_catalogue(*, using: str = "default") -> SyncReport:
    """Create and update an entry for each card; disable entries whose card is gone.

    Running it again changes nothing. Raises `CardError` before anything is written.
    """
    cards = read_all_cards()
    entries = LanguageModel.objects.using(using)
    known = {entry.slug: entry for entry in entries.all()}
    created = [_create(card, using) for card in cards if card.facts.slug not in known]
    updated = [
        card.facts.slug
        for card in cards
        if card.facts.slug in known and _update(known[card.facts.slug], card)
    ]
    orphans = entries.enabled().exclude(slug__in=[card.facts.slug for card in cards])
    disabled = list(orphans.values_list("slug", flat=True))
    orphans.update(is_enabled=False)
    return SyncReport(created, updated, disabled)


def _create(card: Card, using: str) -> str:
    entry = LanguageModel(
        slug=card.facts.slug,
        minimum_tier=card.facts.minimum_tier,
        **_facts_of_the_card(card),
    )
    entry.save(using=using)
    return entry.slug


def _update(entry: LanguageModel, card: Card) -> bool:
    facts = _facts_of_the_card(card)
    changed = [name for name, value in facts.items() if getattr(entry, name) != value]
    for name in changed:
        setattr(entry, name, facts[name])
    if changed:
        entry.save(update_fields=changed)
    return bool(changed)


def _facts_of_the_card(card: Card) -> dict[str, object]:
    facts = card.facts
    return {
        "public_id": facts.public_id,
        "name": facts.name,
        "summary": facts.summary,
        "task": facts.task,
        "tags": facts.tags,
        "license": facts.license,
        "hub_repo": facts.hub.repo if facts.hub else "",
        "num_parameters": facts.architecture.parameters,
        "context_length": facts.architecture.context,
        "position": facts.position,
    }
