"""Uploaded data goes into the export, and goes when its project or account goes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import msgspec

from accounts.closing import account_closing, project_archived
from accounts.export import Row, Section, add_section
from accounts.models import Project, User
from models_app.npu.models import UploadedBatch, UploadedData
from models_app.npu.npz import read_prompts

_FIELDS = ["public_id", "project", "name", "hash", "created_at", "used_at", "prompts"]


_OF_BATCH = ["project", "hash", "created_at", "prompts"]


def connect() -> None:
    add_section(Section(name="uploaded_data", fields=_FIELDS, rows=_exported))
    add_section(Section(name="uploaded_batches", fields=_OF_BATCH, rows=_batches))
    account_closing.connect(_delete_of_account)
    project_archived.connect(_delete_of_project)


def _exported(user: User) -> Iterator[Row]:
    rows = UploadedData.objects.filter(project__user=user).order_by("pk")
    for data in rows.select_related("project").iterator(chunk_size=1):
        yield {
            "public_id": data.public_id,
            "project": data.project.name,
            "name": data.name,
            "hash": data.digest,
            "created_at": data.created_at,
            "used_at": data.used_at,
            "prompts": msgspec.json.decode(data.prompts),
        }


def _batches(user: User) -> Iterator[Row]:
    rows = UploadedBatch.objects.filter(project__user=user)
    for batch in rows.select_related("project").iterator(chunk_size=1):
        yield {
            "project": batch.project.name,
            "hash": batch.digest,
            "created_at": batch.created_at,
            "prompts": read_prompts(io.BytesIO(batch.content)),
        }


def _delete_of_account(*, user: User, **kwargs: Any) -> None:
    UploadedData.objects.filter(project__user=user).delete()
    UploadedBatch.objects.filter(project__user=user).delete()


def _delete_of_project(*, project: Project, **kwargs: Any) -> None:
    UploadedData.objects.filter(project=project).delete()
    UploadedBatch.objects.filter(project=project).delete()
