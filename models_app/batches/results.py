"""What came of a batch, a JSON object for each line that has ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from django.http import StreamingHttpResponse

from accounts.streaming import in_thread
from models_app.batches.models import UNENDED, Batch

LINES_PER_CHUNK = 200
CONTENT_TYPE = "application/jsonl; charset=utf-8"
_COLUMNS = ("number", "custom_id", "status", "output", "error")


def results_response(batch: Batch) -> StreamingHttpResponse:
    """A file to keep, sent as it is read, in the order of the lines."""
    name = f"batch-{batch.public_id}.jsonl"
    return StreamingHttpResponse(
        in_thread(_chunks(batch)),
        content_type=CONTENT_TYPE,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _chunks(batch: Batch) -> Iterator[bytes]:
    """Each begins where the last one ended, so nothing is held open between them."""
    ended = batch.lines.exclude(status__in=UNENDED).order_by("number")
    after = 0
    while rows := list(
        ended.filter(number__gt=after).values_list(*_COLUMNS)[:LINES_PER_CHUNK]
    ):
        after = rows[-1][0]
        yield b"".join(_line(*row) + b"\n" for row in rows)


def _line(
    number: int,
    custom_id: str,
    status: str,
    output: str | None,
    error: str | None,
) -> bytes:
    return msgspec.json.encode(
        {
            "custom_id": custom_id,
            "line": number,
            "status": status,
            "prediction": _written(output),
            "error": _written(error),
        }
    )


def _written(json: str | None) -> Any:
    return msgspec.Raw(json.encode()) if json is not None else None
