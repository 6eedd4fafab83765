"""Texts of calls: kept only where a project asks for it, and for so many days."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import audit
from accounts.export import Row
from accounts.models import Project, User
from models_app.models import PredictionRecord, PredictionTexts
from models_app.runs import PredictionRun
from models_app.text_content import KeptTexts, content_of, read_prompts

USUAL_DAYS = 30
LONGEST_DAYS = 365
# So few that a deletion keeps no other writer waiting.
ROWS_PER_DELETION = 500


@transaction.atomic
def keep_texts(*, project: Project, days: int) -> None:
    """Keep the texts of calls that begin from now on; older than `days` none stay."""
    before = _locked(project).text_retention_days
    if before == days:
        return
    _set_days(project, days)
    PredictionTexts.objects.filter(
        project=project, created_at__lte=_moment_ago(days)
    ).delete()
    audit.record(
        user=project.user,
        kind="project.texts_kept",
        name=project.name,
        days=f"{days} day{'' if days == 1 else 's'}",
    )


@transaction.atomic
def drop_texts(*, project: Project) -> int:
    """Keep none any more and delete those that were kept; how many that were."""
    if not _locked(project).keeps_texts:
        return 0
    _set_days(project, None)
    deleted, _ = PredictionTexts.objects.filter(project=project).delete()
    audit.record(
        user=project.user,
        kind="project.texts_dropped",
        name=project.name,
        deleted=str(deleted),
    )
    return deleted


def store(record: PredictionRecord, run: PredictionRun) -> None:
    """Keep what a prediction said so far, unless its project has stopped that meanwhile.

    To be called in the transaction that closes the prediction.
    """
    keeping = Project.objects.exclude(text_retention_days=None)
    # Locked, so that who stops it deletes these too or is seen here.
    locked = keeping.filter(pk=record.project_id).select_for_update(no_key=True)
    if not locked.values_list("pk"):
        return
    content, is_cut = content_of(run)
    kept = PredictionTexts(
        record=record,
        project_id=record.project_id,
        created_at=record.created_at,
        content=json.dumps(content, ensure_ascii=False),
        is_cut=is_cut,
    )
    # A prediction that is closed twice has what it said last.
    PredictionTexts.objects.bulk_create(
        [kept],
        update_conflicts=True,
        unique_fields=["record"],
        update_fields=["content", "is_cut"],
    )


def kept_texts(record: PredictionRecord) -> KeptTexts | None:
    """Those of a prediction, unless their time is over."""
    days = record.project.text_retention_days
    if days is None or record.created_at <= _moment_ago(days):
        return None
    texts = PredictionTexts.objects.filter(record=record).first()
    if texts is None:
        return None
    return KeptTexts(
        prompts=read_prompts(json.loads(texts.content)),
        is_cut=texts.is_cut,
        kept_until=record.created_at + datetime.timedelta(days=days),
    )


def exported_texts(user: User) -> Iterator[Row]:
    for project in user.projects.exclude(text_retention_days=None):
        kept = PredictionTexts.objects.filter(
            project=project, created_at__gt=_moment_ago(project.text_retention_days)
        ).order_by("created_at", "pk")
        for texts in kept.select_related("record").iterator():
            yield {
                "prediction": texts.record.public_id,
                "created_at": texts.created_at,
                **json.loads(texts.content),
                "is_cut": texts.is_cut,
            }


def delete_texts_of(user: User) -> None:
    PredictionTexts.objects.filter(project__user=user).delete()


def delete_expired() -> int:
    """Delete every text whose time is over; how many predictions had one."""
    everywhere = PredictionTexts.objects.order_by("pk")
    deleted = _delete_in_batches(everywhere.filter(project__text_retention_days=None))
    used = Project.objects.exclude(text_retention_days=None)
    for days in used.values_list("text_retention_days", flat=True).distinct():
        deleted += _delete_in_batches(
            everywhere.filter(
                project__text_retention_days=days, created_at__lte=_moment_ago(days)
            )
        )
    return deleted


def _delete_in_batches(rows: QuerySet[PredictionTexts]) -> int:
    deleted = 0
    while keys := list(rows.values_list("pk", flat=True)[:ROWS_PER_DELETION]):
        deleted += PredictionTexts.objects.filter(pk__in=keys).delete()[0]
    return deleted


def _locked(project: Project) -> Project:
    return Project.objects.select_for_update().get(pk=project.pk)


def _set_days(project: Project, days: int | None) -> None:
    project.text_retention_days = days
    project.save(update_fields=["text_retention_days"])


def _moment_ago(days: int | None) -> datetime.datetime:
    return timezone.now() - datetime.timedelta(days=days or 0)
