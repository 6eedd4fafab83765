"""Asynchronous predictions end with what they belong to, and go into the export."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Q

from accounts.closing import account_closing, api_token_revoked, project_archived
from accounts.export import Row, Section, add_section
from accounts.models import ApiToken, Project, User
from models_app.asynchronous.models import AsyncPrediction
from models_app.asynchronous.service import cancel_all
from models_app.asynchronous.stored import (
    read_error,
    read_inputs,
    read_output,
    read_parameters,
)

_FIELDS = [
    "public_id",
    "created_at",
    "started_at",
    "finished_at",
    "project",
    "language_model",
    "source",
    "status",
    "error_code",
    "inputs",
    "parameters",
    "completions",
]


def connect() -> None:
    add_section(
        Section(name="asynchronous_predictions", fields=_FIELDS, rows=_exported)
    )
    account_closing.connect(_delete_those_of_account)
    api_token_revoked.connect(_cancel_those_of_api_token)
    project_archived.connect(_cancel_those_of_project)


def _exported(user: User) -> Iterator[Row]:
    """With their texts, for as long as they are kept."""
    rows = AsyncPrediction.objects.filter(user=user).order_by("pk")
    for row in rows.select_related("project", "language_model").iterator():
        output, error = read_output(row), read_error(row)
        completions = [one.text for one in output.completions] if output else []
        yield {
            "public_id": row.public_id,
            "created_at": row.created_at,
            "started_at": row.started_at,
            "finished_at": row.finished_at,
            "project": row.project.name,
            "language_model": row.language_model.slug,
            "source": row.source,
            "status": row.status,
            "error_code": error.code if error else "",
            "inputs": read_inputs(row),
            "parameters": read_parameters(row),
            "completions": completions,
        }


def _delete_those_of_account(*, user: User, **kwargs: Any) -> None:
    """A worker that runs one finds it gone, and stops."""
    AsyncPrediction.objects.filter(user=user).delete()


def _cancel_those_of_api_token(*, api_token: ApiToken, **kwargs: Any) -> None:
    cancel_all(Q(api_token=api_token))


def _cancel_those_of_project(*, project: Project, **kwargs: Any) -> None:
    cancel_all(Q(project=project))
