"""`system_fingerprint`: the same seed and call give the same text under the same one."""

from __future__ import annotations

import hashlib

from django.conf import settings

from models_app.parity import revision_of


def system_fingerprint(model: str) -> str | None:
    """Changes with any file of the checkpoint and with the precision served in."""
    revision = revision_of(model)
    if not revision:
        return None
    backend = f"{revision} {settings.ENGINE_PRECISION}"
    return f"fp_{hashlib.sha256(backend.encode()).hexdigest()[:12]}"
