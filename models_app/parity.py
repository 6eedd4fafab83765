"""Whether a checkpoint was held against transformers, and passed.

Nothing is served before. The result lies beside the checkpoint, with the sha256 of the
files that it is about: whatever was changed afterwards has not been checked.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import msgspec
from django.conf import settings

from models_app.checkpoints import CheckpointError, inspect
from models_app.weights import (
    RECORD_FILE,
    FileRecord,
    bundled_dir,
    checkpoint_dir,
)

PARITY_FILE = "parity.json"
CHECK_SECONDS = 3600
# Name, size and time of change of every file but the record of installation.
Stamps: TypeAlias = frozenset[tuple[str, int, int]]


class Parity(StrEnum):
    MATCHES = "matches"
    MISMATCH = "mismatch"
    CHANGED = "changed"
    UNCHECKED = "unchecked"

    @property
    def reason(self) -> str:
        """Why the model is not served, as the end of a sentence about it."""
        return _REASONS[self]


_REASONS = {
    Parity.MATCHES: "matches its reference",
    Parity.MISMATCH: "does not compute what its reference, transformers, does",
    Parity.CHANGED: "has files that were changed since they were checked",
    Parity.UNCHECKED: "was not checked against its reference yet",
}


class ParityError(CheckpointError):
    """Why the check could not be carried out, in one line."""


class Comparison(msgspec.Struct, frozen=True):
    """One precision beside transformers in fp32; inference/reference/parity.py says
    what is measured and what is tolerated."""

    difference: float | None
    divergence: float | None
    agreement: float
    matches: bool


class Result(msgspec.Struct, frozen=True):
    """What the check found. `tokenizer` is empty, or how its tokens differ."""

    transformers: str
    tokenizer: str
    precisions: dict[str, Comparison]


class ParityRecord(msgspec.Struct, frozen=True):
    """`parity.json`. `modified_ns` spares reading files that nobody touched."""

    result: Result
    files: dict[str, FileRecord]
    modified_ns: dict[str, int] = {}


def verify_command(slug: str) -> str:
    return f"python manage.py models verify {slug}"


def revision_of(slug: str) -> str:
    """Changes with any file of the checkpoint; empty where none was ever checked."""
    folder = checkpoint_dir(slug)
    record = _read_record(folder) if folder else None
    files = sorted(record.files.items()) if record else []
    return " ".join(f"{name}:{file.sha256}" for name, file in files)


def is_served(slug: str) -> bool:
    """Whether its weights are on this server and may be used."""
    return parity_of_model(slug) is Parity.MATCHES


def parity_of_model(slug: str) -> Parity | None:
    """What is known of its weights; None without any."""
    folder = checkpoint_dir(slug)
    return parity_of(folder) if folder else None


def parity_of(folder: Path) -> Parity:
    """What is known of the checkpoint in the folder, for the precision served in."""
    return _parity_of(folder, _stamps(folder), settings.ENGINE_PRECISION)


@lru_cache(maxsize=32)
def _parity_of(folder: Path, stamps: Stamps, precision: str) -> Parity:
    """Judged once for the files as they are, and again when one of them changes."""
    record = _read_record(folder)
    if record is None:
        return Parity.UNCHECKED
    if not _is_about(record, folder, stamps):
        return Parity.CHANGED
    return _verdict(record.result, precision)


def check(slug: str) -> Result:
    """Hold the model's checkpoint against transformers and write the result beside it.

    A process of its own does it: this one never imports torch. Raises
    `CheckpointError`.
    """
    folder = checkpoint_dir(slug)
    if folder is None:
        raise ParityError(f"{slug} is not installed.")
    files = {path.name: path for path in inspect(folder).files}
    result = _run(folder)
    record = ParityRecord(
        result=result,
        files={
            name: FileRecord(
                _digest(path, path.stat().st_mtime_ns), path.stat().st_size
            )
            for name, path in sorted(files.items())
        },
        modified_ns={
            name: path.stat().st_mtime_ns
            for name, path in sorted(files.items())
            # In a repository the time of a file is that of the checkout.
            if folder != bundled_dir(slug)
        },
    )
    text = msgspec.json.format(msgspec.json.encode(record), indent=2)
    (folder / PARITY_FILE).write_bytes(text + b"\n")
    return result


def _run(folder: Path) -> Result:
    command = [sys.executable, "-m", "inference.reference.parity", str(folder)]
    options = {
        "--precision": settings.ENGINE_PRECISION,
        "--threads": str(settings.ENGINE_THREADS),
    }
    for name, value in options.items():
        command += [name, value]
    done = subprocess.run(  # noqa: S603 - our own module
        command,
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=CHECK_SECONDS,
        # Threads that wait for each other spin otherwise: beside a running server the
        # check would take many times as long, and the server with it.
        env={"OMP_WAIT_POLICY": "PASSIVE", **os.environ},
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        raise ParityError(f"The check against transformers failed: {lines[-1]}")
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Result)


def _verdict(result: Result, precision: str) -> Parity:
    """fp32 must match, and what is served: for `auto`, whatever was compared."""
    wanted = {"fp32", precision} - {"auto"}
    if not wanted <= result.precisions.keys():
        return Parity.UNCHECKED
    if precision == "auto":
        wanted |= result.precisions.keys() - {"int8"}
    is_good = all(result.precisions[name].matches for name in wanted)
    return Parity.MATCHES if is_good and not result.tokenizer else Parity.MISMATCH


def _read_record(folder: Path) -> ParityRecord | None:
    path = folder / PARITY_FILE
    try:
        return _decode(path, path.stat().st_mtime_ns)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


@lru_cache(maxsize=32)
def _decode(path: Path, modified_ns: int) -> ParityRecord:
    return msgspec.json.decode(path.read_bytes(), type=ParityRecord)


def _stamps(folder: Path) -> Stamps:
    with os.scandir(folder) as files:
        known = [(file.name, file.stat()) for file in files if file.name != RECORD_FILE]
    return frozenset((name, stat.st_size, stat.st_mtime_ns) for name, stat in known)


def _is_about(record: ParityRecord, folder: Path, stamps: Stamps) -> bool:
    checked = [stamp for stamp in stamps if stamp[0] != PARITY_FILE]
    if {name for name, _, _ in checked} != record.files.keys():
        return False
    return all(
        size == record.files[name].size
        and (
            modified_ns == record.modified_ns.get(name)
            or _digest(folder / name, modified_ns) == record.files[name].sha256
        )
        for name, size, modified_ns in checked
    )


@lru_cache(maxsize=256)
def _digest(path: Path, modified_ns: int) -> str:
    """`modified_ns` is in the cache's key so that a changed file is read again."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
