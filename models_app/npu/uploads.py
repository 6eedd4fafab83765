"""Data that is sent once and used by its id: kept, found again, and forgotten."""

from __future__ import annotations

import datetime
import hashlib
from typing import IO

import msgspec
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from accounts.models import Project
from models_app.errors import DataNotFound, InvalidInput, UploadsFull
from models_app.npu.models import UploadedBatch, UploadedData, UtilityTask
from models_app.npu.npy import Prompts
from models_app.npu.npz import read_named_file, read_prompts

ROWS_PER_DELETION = 20
HASHED_AT_ONCE = 2**20


def read_file(file: IO[bytes], *, digest: str, is_named: bool) -> Prompts:
    """The prompts of a file that arrived whole.

    `digest` is what the client computed, if it did. `is_named`: the caller gave the
    name of a file instead of data.
    """
    if digest and digest != md5_of(file):
        raise InvalidInput(
            "The file is not the one whose MD5 the call gives as its hash.",
            hint="Send it again.",
            param="hash",
        )
    return read_named_file(file) if is_named else read_prompts(file)


def md5_of(file: IO[bytes]) -> str:
    """The client names files by it; it guards nothing but against a broken upload."""
    digest = hashlib.md5(usedforsecurity=False)
    file.seek(0)
    while piece := file.read(HASHED_AT_ONCE):
        digest.update(piece)
    file.seek(0)
    return digest.hexdigest()


def recall(*, project: Project, digest: str, name: str = "") -> UploadedData | None:
    """The project's data of that hash, which is then kept as if it had just come."""
    data = _used(_kept().filter(project=project, digest=digest))
    if data is not None and name:
        UploadedData.objects.filter(pk=data.pk).update(name=name)
    return data


def find(*, project: Project, reference: str) -> UploadedData:
    """By id, or by the name that it was given, the newest first."""
    # PostgreSQL cannot even be asked for a text with a NUL.
    rows = _kept().filter(project=project) if "\0" not in reference else _kept().none()
    found = _used(
        rows.filter(Q(public_id=reference) | (Q(name=reference) & ~Q(name="")))
    )
    if found is None:
        raise DataNotFound(
            f'Your project has no uploaded data "{reference[:100]}".', param="dataId"
        )
    return found


@transaction.atomic
def keep(*, project: Project, digest: str, name: str, prompts: Prompts) -> UploadedData:
    """Raises `UploadsFull`. What the project has already is not kept twice."""
    wait_for_turn(project)
    content = msgspec.json.encode(prompts).decode()
    size = len(content.encode())
    if not UploadedData.objects.filter(project=project, digest=digest).exists():
        require_room(project, size)
    kept, _ = UploadedData.objects.update_or_create(
        project=project,
        digest=digest,
        defaults={
            "prompts": content,
            "size": size,
            "used_at": timezone.now(),
            **({"name": name} if name else {}),
        },
    )
    return kept


def wait_for_turn(project: Project) -> None:
    """Uploads of one project at the same moment wait for each other here."""
    Project.objects.select_for_update().only("pk").get(pk=project.pk)


def part_of(data: UploadedData, start: int | None, end: int | None) -> Prompts:
    """Its prompts from `start` up to `end`, counted as Python's slices do."""
    prompts: Prompts = msgspec.json.decode(data.prompts)
    return prompts[start:end]


def delete_expired() -> int:
    """Delete what was not used for so long that it is kept no more; how much it was.
    Tasks of utilities go as long after they began, however much their data is used, and
    so do batches whose last one never came."""
    UtilityTask.objects.filter(created_at__lte=_oldest()).delete()
    UploadedBatch.objects.filter(created_at__lte=_oldest()).delete()
    expired = UploadedData.objects.filter(used_at__lte=_oldest())
    deleted = 0
    while keys := list(expired.values_list("pk", flat=True)[:ROWS_PER_DELETION]):
        UploadedData.objects.filter(pk__in=keys).delete()
        deleted += len(keys)
    return deleted


def require_room(project: Project, size: int) -> None:
    """Raise `UploadsFull` unless the project may keep so many bytes more."""
    data = UploadedData.objects.filter(project=project)
    batches = UploadedBatch.objects.filter(project=project)
    data.filter(used_at__lte=_oldest()).delete()
    batches.filter(created_at__lte=_oldest()).delete()
    sums = (rows.aggregate(sum=Sum("size"))["sum"] for rows in (data, batches))
    taken = sum(one or 0 for one in sums)
    allowed = settings.UPLOADS_PER_PROJECT_BYTES
    if taken + size > allowed:
        raise UploadsFull(
            f"Your project keeps {taken:,} bytes of uploaded data; with these "
            f"{size:,} it would be more than the {allowed:,} that it may."
        )


def _kept() -> QuerySet[UploadedData]:
    return UploadedData.objects.filter(used_at__gt=_oldest())


def _oldest() -> datetime.datetime:
    return timezone.now() - datetime.timedelta(hours=settings.KEEP_UPLOADS_HOURS)


def _used(rows: QuerySet[UploadedData]) -> UploadedData | None:
    data = rows.first()
    if data is not None:
        UploadedData.objects.filter(pk=data.pk).update(used_at=timezone.now())
    return data
