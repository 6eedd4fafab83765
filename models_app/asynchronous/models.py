"""Predictions that outlive their request, and their events."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.models import Project, User
from accounts.prepared import INTEGER, Given, PreparedRows
from models_app.models import LanguageModel, PredictionSource
from models_app.tasks.queued import Queued


class AsyncStatus(models.TextChoices):
    """`aborted` never began: its deadline passed first."""

    STARTING = "starting", "Starting"
    PROCESSING = "processing", "Processing"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELED = "canceled", "Canceled"
    ABORTED = "aborted", "Aborted"


class AsyncPredictionQuerySet(models.QuerySet["AsyncPrediction"]):
    def unfinished(self) -> AsyncPredictionQuerySet:
        return self.filter(status__in=UNFINISHED)

    def finished(self) -> AsyncPredictionQuerySet:
        return self.exclude(status__in=UNFINISHED)


UNFINISHED = (AsyncStatus.STARTING, AsyncStatus.PROCESSING)


class AsyncPrediction(Queued):
    """A prediction that outlives its request, with its prompts and what came of them.

    Kept for a bounded time only. Its ledger row, which has the same public id, is made
    when it begins to run and stays.
    """

    unfinished = UNFINISHED

    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="async_predictions"
    )
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="async_predictions"
    )
    language_model = models.ForeignKey(
        LanguageModel, on_delete=models.PROTECT, related_name="+"
    )
    source = models.CharField(choices=PredictionSource, max_length=20)
    status = models.CharField(
        choices=AsyncStatus, default=AsyncStatus.STARTING, max_length=20
    )
    # JSON as text: PostgreSQL's own type takes no zero characters, and models make them.
    # `models_app.asynchronous.stored` writes and reads them; parameters have the seed,
    # so that every attempt gives the same completions.
    inputs = models.TextField()
    parameters = models.TextField()
    output = models.TextField(null=True)  # noqa: DJ001 -- empty is no JSON
    error = models.TextField(null=True)  # noqa: DJ001
    # Of a completion whose call names no length, at most.
    default_new_tokens = models.PositiveIntegerField()
    prompt_tokens = models.PositiveIntegerField()
    # Whatever `create` was given; who delivers knows what it means.
    webhook = models.JSONField(null=True)
    # What the attempt that runs has reserved, while there is one. No foreign key: the
    # ends of reservations would have to look here.
    reservation_id = models.BigIntegerField(null=True)
    cancel_at = models.DateTimeField(null=True)

    objects = AsyncPredictionQuerySet.as_manager()

    class Meta(Queued.Meta):
        indexes = [
            models.Index(fields=["project", "-id"], name="async_of_project"),
            models.Index(
                fields=["user"],
                condition=models.Q(status__in=["starting", "processing"]),
                name="async_unfinished",
            ),
            models.Index(fields=["finished_at"], name="async_finished"),
        ]

    def read_anew(self) -> None:
        """What may have changed; a refresh of all would forget what it belongs to."""
        found = _changing.fetch(pk=self.pk)
        if not found:
            raise AsyncPrediction.DoesNotExist
        for name, value in zip(_CHANGING, found[0], strict=True):
            setattr(self, name, value)

    @property
    def is_late(self) -> bool:
        """Whether the time that its caller gave it is over."""
        return self.cancel_at is not None and self.cancel_at <= timezone.now()


_CHANGING = (
    "status",
    "output",
    "error",
    "reservation_id",
    "cancel_requested_at",
    "started_at",
    "finished_at",
)
_changing = PreparedRows(
    lambda: AsyncPrediction.objects.filter(pk=Given("pk", INTEGER)).values_list(
        *_CHANGING
    )
)


class AsyncEvents(models.Model):
    """Events of an asynchronous prediction that were written down together.

    `first` counts the prediction's events from 1. `events` is JSON as text, too.
    """

    prediction = models.ForeignKey(
        AsyncPrediction, on_delete=models.CASCADE, related_name="events"
    )
    first = models.PositiveIntegerField()
    events = models.TextField()

    class Meta:
        ordering = ["first"]
        constraints = [
            models.UniqueConstraint(
                fields=["prediction", "first"], name="unique_events_of_prediction"
            )
        ]

    def __str__(self) -> str:
        return f"{self.prediction_id}, from {self.first}"
