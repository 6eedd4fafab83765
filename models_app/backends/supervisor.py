"""How the engine process is started."""

from __future__ import annotations

import itertools
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from models_app.models import LanguageModel
from models_app.parity import Parity, parity_of, verify_command
from models_app.supervisor import Supervisor
from models_app.weights import checkpoint_dir

logger = logging.getLogger(__name__)


def supervise_engine(socket_path: Path) -> Supervisor:
    lock_path = socket_path.with_suffix(".lock")
    return Supervisor("engine", lock_path, lambda: engine_command(socket_path))


def engine_command(socket_path: Path) -> list[str]:
    arguments = {
        "--socket": socket_path,
        "--parent": os.getpid(),
        "--precision": settings.ENGINE_PRECISION,
        "--slots": settings.ENGINE_SLOTS,
        "--threads": settings.ENGINE_THREADS,
        "--grace-seconds": settings.GRACE_SECONDS,
    }
    pairs = itertools.chain.from_iterable(arguments.items())
    return [
        sys.executable,
        "-m",
        "inference.server",
        *map(str, pairs),
        *([] if settings.ENGINE_PREFIX_CACHE else ["--no-prefix-cache"]),
        *_model_arguments(),
    ]


def _model_arguments() -> Iterator[str]:
    """Every model that may be served, the smallest first, so that one can serve soon."""
    for language_model in LanguageModel.objects.enabled().order_by("num_parameters"):
        slug = language_model.slug
        folder = checkpoint_dir(slug)
        if folder is None:
            continue
        if (parity := parity_of(folder)) is Parity.MATCHES:
            yield from ("--model", f"{slug}={folder}")
        else:
            reason, command = parity.reason, verify_command(slug)
            logger.error("%s %s and is not served; run: %s", slug, reason, command)
