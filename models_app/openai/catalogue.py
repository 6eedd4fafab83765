"""Language models as OpenAI's model objects, with what else a client wants to know."""

from __future__ import annotations

from models_app.cards import read_card
from models_app.chat import has_chat_template
from models_app.models import LanguageModel
from models_app.readiness import readiness_of
from models_app.weights import CONFIG_FILE, checkpoint_dir


def describe(entries: list[LanguageModel]) -> list[dict[str, object]]:
    cards = {entry.slug: read_card(entry.slug) for entry in entries}
    states = readiness_of(list(cards.values()))
    return [
        {
            "id": entry.slug,
            "object": "model",
            "created": _installed_at(entry.slug),
            "owned_by": cards[entry.slug].facts.publisher,
            "name": entry.name,
            "context_length": entry.context_length,
            "has_chat_template": has_chat_template(entry.slug),
            "status": states[entry.slug].name.lower(),
        }
        for entry in entries
    ]


def _installed_at(slug: str) -> int:
    """When the weights came to this server; 0 without any."""
    folder = checkpoint_dir(slug)
    return int((folder / CONFIG_FILE).stat().st_mtime) if folder else 0
