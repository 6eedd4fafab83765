"""Where a language model's weights are, and how they came there."""

from __future__ import annotations

import os
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

import msgspec
from django.conf import settings

from models_app.cards import Card

RECORD_FILE = "neuro.json"
CONFIG_FILE = "config.json"


class Origin(StrEnum):
    """How sure one may be that these are the published weights."""

    MISSING = "missing"
    BUNDLED = "bundled"
    PUBLISHED = "published"
    UNPINNED = "unpinned"
    WHEEL = "wheel"
    LOCAL = "local"


class FileRecord(msgspec.Struct, frozen=True):
    sha256: str
    size: int


class InstallRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What `neuro.json` beside installed weights says about them."""

    source: str
    repo: str = ""
    revision: str = ""
    installed_at: str
    files: dict[str, FileRecord]


class WeightsState(msgspec.Struct, frozen=True, kw_only=True):
    """What a page or a table says about the weights of one language model."""

    slug: str
    origin: Origin
    size: int = 0
    record: InstallRecord | None = None

    @property
    def is_installed(self) -> bool:
        return self.origin is not Origin.MISSING

    @property
    def command(self) -> str:
        """What the operator types to install them."""
        return install_command(self.slug)


def install_command(slug: str) -> str:
    return f"python manage.py models pull {slug}"


def installed_dir(slug: str) -> Path:
    """Where `models pull` puts a checkpoint."""
    return _inside(settings.MODELS_DIR, slug)


def bundled_dir(slug: str) -> Path:
    """Where a checkpoint that is part of this repository lies."""
    return _inside(settings.CATALOGUE_DIR, slug, "checkpoint")


def checkpoint_dir(slug: str) -> Path | None:
    """The folder to load, an installed one before a bundled one; None without any."""
    for folder in (installed_dir(slug), bundled_dir(slug)):
        if _is_checkpoint(folder):
            return folder
    return None


def is_installed(slug: str) -> bool:
    return checkpoint_dir(slug) is not None


def read_record(folder: Path) -> InstallRecord | None:
    """The folder's `neuro.json`; None where there is none, as in a bundled one."""
    try:
        data = (folder / RECORD_FILE).read_bytes()
    except FileNotFoundError:
        return None
    return msgspec.json.decode(data, type=InstallRecord)


def weights_state(card: Card) -> WeightsState:
    """What is on this server for that card."""
    slug = card.facts.slug
    folder = checkpoint_dir(slug)
    if folder is None:
        return WeightsState(slug=slug, origin=Origin.MISSING)
    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    if folder == bundled_dir(slug):
        return WeightsState(slug=slug, origin=Origin.BUNDLED, size=size)
    record = read_record(folder)
    origin = _origin(card, record)
    return WeightsState(slug=slug, origin=origin, size=size, record=record)


def _origin(card: Card, record: InstallRecord | None) -> Origin:
    hub, wheel = card.facts.hub, card.facts.wheel
    if record and wheel and _came_from(record) == ("wheel", wheel.version):
        return Origin.WHEEL
    if hub is None or record is None:
        return Origin.LOCAL
    weights = record.files.get(hub.weights_file)
    if hub.sha256 and weights and weights.sha256 == hub.sha256:
        return Origin.PUBLISHED
    is_from_pinned_revision = _came_from(record) == ("hub", hub.revision)
    return Origin.UNPINNED if is_from_pinned_revision else Origin.LOCAL


def _came_from(record: InstallRecord) -> tuple[str, str]:
    return record.source, record.revision


@lru_cache(maxsize=256)
def _inside(folder: Path, *names: str) -> Path:
    """Every call asks, and joining paths takes longer than looking into the folder."""
    return folder.joinpath(*names)


def _is_checkpoint(folder: Path) -> bool:
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return CONFIG_FILE in names and any(name.endswith(".safetensors") for name in names)
