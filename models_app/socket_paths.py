"""Paths of Unix sockets, which have a length that no message of the kernel explains."""

from __future__ import annotations

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

# What Linux takes, without the zero byte at its end.
MAX_SOCKET_PATH_BYTES = 107


def require_short(path: Path) -> None:
    """Raise `ImproperlyConfigured` if no socket can have this path."""
    if len(os.fsencode(path)) > MAX_SOCKET_PATH_BYTES:
        raise ImproperlyConfigured(
            f"{path} is too long for a Unix socket. "
            "Set NEURO_ENGINE_SOCKET to a shorter path in a private folder."
        )
