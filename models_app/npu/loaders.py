"""Data that the client sends in batches, since it has it in a `DataLoader`.

Every batch says the MD5 of the whole, and the last one that it is the last. None says
which it is: what an upload left behind that broke off is told apart by the size of the
whole, which every batch says as well.
"""

from __future__ import annotations

import hashlib
import io
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import Project
from models_app.errors import InvalidInput
from models_app.npu import uploads
from models_app.npu.models import UploadedBatch, UploadedData
from models_app.npu.npy import MAX_PROMPTS
from models_app.npu.npz import join_prompts, read_hashed_bytes, read_prompts


def has_begun(*, project: Project, digest: str) -> bool:
    return UploadedBatch.objects.filter(project=project, digest=digest).exists()


@transaction.atomic
def add(*, project: Project, digest: str, content: bytes) -> None:
    """Keep one batch until the last one comes. Raises `UploadsFull`, or `InvalidInput`
    for what is no batch or one too many."""
    read_prompts(io.BytesIO(content))
    pieces = read_hashed_bytes(io.BytesIO(content))
    size = max(len(content), sum(map(len, pieces)))
    uploads.wait_for_turn(project)
    batches = UploadedBatch.objects.filter(project=project, digest=digest)
    if batches.count() >= MAX_PROMPTS:
        raise InvalidInput(
            f"A DataLoader may have at most {MAX_PROMPTS:,} batches.", param="data"
        )
    uploads.require_room(project, size)
    UploadedBatch.objects.create(
        project=project, digest=digest, content=content, size=size
    )


def put_together(
    *, project: Project, digest: str, size: int, name: str
) -> UploadedData:
    """The data that the batches are, of `size` bytes together as the client counts them.

    Raises `InvalidInput` if they are not those of `digest`, and then none is kept.
    """
    batches = UploadedBatch.objects.filter(project=project, digest=digest)
    newest = _newest(batches, size)
    if _digest_of(newest) != digest:
        batches.delete()
        raise InvalidInput(
            "The batches that arrived are not those whose MD5 the call gives as its "
            "hash.",
            hint="Send all of them again.",
            param="hash",
        )
    prompts = join_prompts(read_prompts(io.BytesIO(one.content)) for one in newest)
    with transaction.atomic():
        batches.delete()
        return uploads.keep(project=project, digest=digest, name=name, prompts=prompts)


@dataclass(frozen=True, slots=True)
class _Batch:
    content: bytes
    pieces: list[bytes]


def _newest(batches: QuerySet[UploadedBatch], size: int) -> list[_Batch]:
    """The last batches that are as large as the whole, in their order."""
    newest: list[_Batch] = []
    for row in batches.order_by("-id").iterator(chunk_size=20):
        if size <= 0:
            break
        content = bytes(row.content)
        newest.append(_Batch(content, read_hashed_bytes(io.BytesIO(content))))
        size -= sum(map(len, newest[-1].pieces))
    return newest[::-1]


def _digest_of(batches: list[_Batch]) -> str:
    """As the client has it: the MD5 of the MD5s, one of each place in the batches."""
    places: dict[int, Any] = defaultdict(_md5)
    for batch in batches:
        for place, piece in enumerate(batch.pieces):
            places[place].update(piece)
    return str(_md5(b"".join(one.digest() for one in places.values())).hexdigest())


def _md5(data: bytes = b"") -> Any:
    return hashlib.md5(data, usedforsecurity=False)
