"""Batches end with what they belong to, and go into the export."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from django.db.models import Q

from accounts.closing import account_closing, api_token_revoked, project_archived
from accounts.export import Row, Section, add_section
from accounts.models import ApiToken, Project, User
from models_app.batches.models import Batch, BatchLine
from models_app.batches.service import cancel_all, delete
from models_app.batches.stored import read_call

_FIELDS = [
    "public_id",
    "name",
    "created_at",
    "started_at",
    "finished_at",
    "project",
    "status",
    "total",
]
_LINE_FIELDS = [
    "batch",
    "line",
    "custom_id",
    "language_model",
    "status",
    "inputs",
    "parameters",
    "prediction",
    "error",
]


def connect() -> None:
    add_section(Section(name="batches", fields=_FIELDS, rows=_exported))
    add_section(Section(name="batch_lines", fields=_LINE_FIELDS, rows=_exported_lines))
    account_closing.connect(_delete_those_of_account)
    api_token_revoked.connect(_cancel_those_of_api_token)
    project_archived.connect(_cancel_those_of_project)


def _exported(user: User) -> Iterator[Row]:
    for batch in user.batches.select_related("project").order_by("pk"):
        row = {name: getattr(batch, name) for name in _FIELDS}
        yield {**row, "project": batch.project.name}


def _exported_lines(user: User) -> Iterator[Row]:
    """With their texts, for as long as they are kept."""
    lines = BatchLine.objects.filter(batch__user=user).order_by("batch", "number")
    for line in lines.select_related("batch", "language_model").iterator():
        call = read_call(line.call)
        yield {
            "batch": line.batch.public_id,
            "line": line.number,
            "custom_id": line.custom_id,
            "language_model": line.language_model.slug,
            "status": line.status,
            "inputs": call.inputs,
            "parameters": call.parameters,
            "prediction": msgspec.json.decode(line.output) if line.output else None,
            "error": msgspec.json.decode(line.error) if line.error else None,
        }


def _delete_those_of_account(*, user: User, **kwargs: Any) -> None:
    """A worker that runs one finds it gone, and stops."""
    for batch in Batch.objects.filter(user=user):
        delete(batch)


def _cancel_those_of_api_token(*, api_token: ApiToken, **kwargs: Any) -> None:
    cancel_all(Q(api_token=api_token))


def _cancel_those_of_project(*, project: Project, **kwargs: Any) -> None:
    cancel_all(Q(project=project))
