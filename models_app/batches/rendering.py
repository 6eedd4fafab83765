"""A batch in the words of the native API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models_app.batches.models import Batch


def batch_json(batch: Batch, counts: Mapping[str, int]) -> dict[str, Any]:
    """Without addresses of this server: a worker does not know under which name it is
    reached."""
    return {
        "id": batch.public_id,
        "name": batch.name,
        "project": batch.project.public_id,
        "status": batch.status,
        "lines": {"total": batch.total, **counts},
        "waits_for": batch.waits_for or None,
        "created_at": batch.created_at,
        "started_at": batch.started_at,
        "ends_at": batch.ends_at,
        "finished_at": batch.finished_at,
        "kept_until": batch.kept_until,
    }
