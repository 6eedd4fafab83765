"""The site as `make run` starts it, with the bench's model in a data folder of its own.

The model takes the place of the catalogue's entry of its shape; nobody but the bench
ever sees that folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.checkpoint import NEO_TINY
from e2e.live_server import LiveServer, start_live_server


@contextmanager
def run_site(
    folder: Path, data_dir: Path, precision: str, **settings: str
) -> Iterator[LiveServer]:
    """Serve the checkpoint in `folder`; what a run before left in `data_dir` stays."""
    _install(folder, data_dir)
    with start_live_server(
        data_dir,
        NEURO_PRECISION=precision,
        NEURO_ENGINE_THREADS=str(os.cpu_count() or 1),
        **settings,
    ) as server:
        yield server


def predict_path(folder: Path) -> str:
    return f"/api/v1/models/{slug_of(folder)}/predict"


def _install(folder: Path, data_dir: Path) -> None:
    installed = data_dir / "models" / folder.name
    if folder != NEO_TINY and not installed.exists():
        installed.parent.mkdir(parents=True)
        installed.symlink_to(folder)


def slug_of(folder: Path) -> str:
    return "neo-tiny" if folder == NEO_TINY else folder.name
