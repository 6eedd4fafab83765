"""Whatever runs the models, behind one protocol. Nothing else imports `inference`."""

from __future__ import annotations

import functools

from models_app.backends.base import Backend
from models_app.backends.local import LocalBackend


@functools.cache
def get_backend() -> Backend:
    """The backend of this process."""
    return LocalBackend()
