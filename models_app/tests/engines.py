"""A real engine process with Neo-Tiny, as the web process would have started it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from asgiref.sync import async_to_sync
from django.conf import settings

from accounts.errors import ApplicationError
from models_app.backends.local import LocalBackend
from models_app.weights import bundled_dir

NEO_TINY = "neo-tiny"
# Only a test that fails waits so long.
START_SECONDS = 180


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for a Unix socket's name."""
    with tempfile.TemporaryDirectory(prefix="neuro-") as folder:
        yield Path(folder)


@contextmanager
def run_engine(
    socket_path: Path, *, models: tuple[str, ...] = (NEO_TINY,)
) -> Iterator[subprocess.Popen[bytes]]:
    """An engine in fp32, so that equal prompts give equal texts."""
    named = [f"{model}={bundled_dir(model)}" for model in models]
    options = [part for model in named for part in ("--model", model)]
    command = [sys.executable, "-m", "inference.server", "--socket", str(socket_path)]
    with subprocess.Popen(
        [*command, "--precision", "fp32", "--threads", "1", *options],
        cwd=settings.BASE_DIR,
    ) as process:
        try:
            _wait_until_ready(process, LocalBackend(socket_path), set(models))
            yield process
        finally:
            process.terminate()


def _wait_until_ready(
    process: subprocess.Popen[bytes], backend: LocalBackend, models: set[str]
) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(ApplicationError):
            statuses = async_to_sync(backend.health)()
            if models <= {one.name for one in statuses if one.state == "ready"}:
                return
        time.sleep(0.05)
    raise TimeoutError("the engine did not become ready")
