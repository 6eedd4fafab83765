"""Files of many calls that run without anybody waiting, and what came of each line."""

from __future__ import annotations

import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.identifiers import new_public_id
from accounts.models import Project, User
from models_app.models import LanguageModel
from models_app.tasks.queued import Queued


class BatchStatus(models.TextChoices):
    """`completed` says that every line has ended, well or not; `canceling` that lines
    still run which are about to be aborted."""

    STARTING = "starting", "Starting"
    PROCESSING = "processing", "Processing"
    CANCELING = "canceling", "Canceling"
    COMPLETED = "completed", "Completed"
    CANCELED = "canceled", "Canceled"
    EXPIRED = "expired", "Expired"


UNFINISHED = (BatchStatus.STARTING, BatchStatus.PROCESSING, BatchStatus.CANCELING)


class BatchQuerySet(models.QuerySet["Batch"]):
    def unfinished(self) -> BatchQuerySet:
        return self.filter(status__in=UNFINISHED)


class Batch(Queued):
    """An uploaded file of calls, each a `BatchLine`. Kept for a bounded time only."""

    unfinished = UNFINISHED

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="batches")
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="batches"
    )
    name = models.CharField(max_length=100, blank=True)
    status = models.CharField(
        choices=BatchStatus, default=BatchStatus.STARTING, max_length=20
    )
    total = models.PositiveIntegerField()
    # Why no line runs at the moment, for people; empty while lines run.
    waits_for = models.CharField(max_length=300, blank=True)
    # Whatever `create` was given; who delivers knows what it means.
    webhook = models.JSONField(null=True)
    # No line begins after that.
    ends_at = models.DateTimeField()

    objects = BatchQuerySet.as_manager()

    class Meta(Queued.Meta):
        indexes = [
            models.Index(fields=["project", "-id"], name="batches_of_project"),
            models.Index(
                fields=["user"],
                condition=models.Q(status__in=["starting", "processing", "canceling"]),
                name="batches_unfinished",
            ),
            models.Index(fields=["finished_at"], name="batches_finished"),
        ]

    @property
    def is_over(self) -> bool:
        """Whether no further line may begin."""
        return self.cancel_requested_at is not None or self.ends_at <= timezone.now()

    @property
    def kept_until(self) -> datetime.datetime | None:
        if self.finished_at is None:
            return None
        return self.finished_at + datetime.timedelta(days=settings.KEEP_BATCHES_DAYS)


class LineStatus(models.TextChoices):
    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELED = "canceled", "Canceled"
    EXPIRED = "expired", "Expired"


UNENDED = (LineStatus.WAITING, LineStatus.RUNNING)


class BatchLine(models.Model):
    """One call of a batch. Its ledger row, if it began, has `prediction_id`."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="lines")
    # Counts the lines of the file from 1, empty ones too.
    number = models.PositiveIntegerField()
    custom_id = models.CharField(max_length=100)
    language_model = models.ForeignKey(
        LanguageModel, on_delete=models.PROTECT, related_name="+"
    )
    prediction_id = models.CharField(
        max_length=24, editable=False, default=new_public_id
    )
    status = models.CharField(
        choices=LineStatus, default=LineStatus.WAITING, max_length=20
    )
    # JSON as text: PostgreSQL's own type takes no zero characters, and models make them.
    # `models_app.batches.stored` writes and reads it; `call` has prompts, parameters and
    # the seed, so that every attempt gives the same completions.
    call = models.TextField()
    output = models.TextField(null=True)  # noqa: DJ001 -- empty is no JSON
    error = models.TextField(null=True)  # noqa: DJ001
    attempts = models.PositiveSmallIntegerField(default=0)
    # What the attempt that runs has reserved. No foreign key: the ends of reservations
    # would have to look here.
    reservation_id = models.BigIntegerField(null=True)

    class Meta:
        ordering = ["number"]
        indexes = [
            models.Index(fields=["batch", "status", "number"], name="lines_by_status")
        ]
        constraints = [
            models.UniqueConstraint(fields=["batch", "number"], name="unique_lines"),
        ]

    def __str__(self) -> str:
        return f"line {self.number} ({self.status})"
