"""What outlives its request, as rows: a task in the queue carries each of them out."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.expressions import Combinable

from accounts.identifiers import new_public_id
from accounts.models import ApiToken, Project, User


class Queued(models.Model):
    """`status` is another set of words for each kind; `unfinished` are those of them
    that are not the last."""

    unfinished: ClassVar[tuple[str, ...]]
    user: models.ForeignKey[User | Combinable, User]
    project: models.ForeignKey[Project | Combinable, Project]
    status: models.CharField[str | Combinable, str]

    public_id = models.CharField(
        max_length=24, unique=True, editable=False, default=new_public_id
    )
    api_token = models.ForeignKey(
        ApiToken, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    task_id = models.UUIDField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.public_id} ({self.status})"

    @property
    def is_finished(self) -> bool:
        return self.status not in self.unfinished

    @property
    def is_wanted(self) -> bool:
        """Not where its owner or staff have ended what it belongs to."""
        return (
            self.user.is_active
            and not self.project.is_archived
            and not (self.api_token and self.api_token.is_revoked)
        )
