"""Whether a language model can answer right now, said the same way everywhere."""

from __future__ import annotations

from enum import Enum

from asgiref.sync import async_to_sync

from models_app.backends import get_backend
from models_app.cards import Card
from models_app.errors import EngineUnavailable
from models_app.parity import Parity, parity_of_model


class Readiness(Enum):
    """Each state with its words and the look of its badge."""

    MISSING = ("Weights not on this server", "off")
    UNCHECKED = ("Not checked against its reference", "danger")
    CHANGED = ("Changed since it was checked", "danger")
    MISMATCH = ("Does not match its reference", "danger")
    READY = ("Ready", "ok")
    INSTALLED = ("Loads on the first call", "ok")
    LOADING = ("Loading", "warn")
    FAILED = ("Could not be loaded", "danger")
    ENGINE_DOWN = ("Installed, the engine is not running", "warn")

    @property
    def label(self) -> str:
        return self.value[0]

    @property
    def badge(self) -> str:
        return self.value[1]


def readiness_of(cards: list[Card]) -> dict[str, Readiness]:
    """The state of each card's language model, by slug. Asks the engine once."""
    engine = _engine_states()
    return {card.facts.slug: _readiness(card.facts.slug, engine) for card in cards}


def _readiness(slug: str, engine: dict[str, Readiness] | None) -> Readiness:
    parity = parity_of_model(slug)
    if parity is None:
        return Readiness.MISSING
    if parity is not Parity.MATCHES:
        return Readiness[parity.name]
    if engine is None:
        return Readiness.ENGINE_DOWN
    return engine.get(slug, Readiness.INSTALLED)


def _engine_states() -> dict[str, Readiness] | None:
    try:
        statuses = async_to_sync(get_backend().health)()
    except EngineUnavailable:
        return None
    return {status.name: Readiness[status.state.upper()] for status in statuses}
