"""What the npu client leaves here between its requests."""

from __future__ import annotations

from django.db import models

from accounts.identifiers import new_public_id
from accounts.models import Project
from models_app.asynchronous.models import AsyncPrediction


class UploadedData(models.Model):
    """Prompts that were sent ahead of the calls that use them, for a bounded time.

    They are those of a project and nobody else's: the same file of another project is
    another row. `models_app.npu.uploads` writes and reads them.
    """

    public_id = models.CharField(
        max_length=24, unique=True, editable=False, default=new_public_id
    )
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="uploaded_data"
    )
    # MD5 of the file in hex, by which the client asks whether it is here already.
    digest = models.CharField(max_length=32)
    name = models.CharField(max_length=200, blank=True)
    # JSON as text, since a prompt may hold a NUL; `size` counts its bytes.
    prompts = models.TextField()
    size = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "digest"], name="unique_uploaded_data"
            )
        ]
        indexes = [models.Index(fields=["used_at"], name="uploaded_data_used")]

    def __str__(self) -> str:
        return self.public_id


class UploadedBatch(models.Model):
    """One batch of a DataLoader whose last batch has not arrived yet.

    `digest` is what the client will know the whole by: all of its batches have the
    same. `models_app.npu.loaders` makes an `UploadedData` of them.
    """

    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="uploaded_batches"
    )
    digest = models.CharField(max_length=32)
    # The file as it came, since the digest is that of what it holds.
    content = models.BinaryField()
    # In bytes, of the file or of what it unpacks to, whichever is more.
    size = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["project", "digest"], name="uploaded_batch_of"),
            models.Index(fields=["created_at"], name="uploaded_batch_created"),
        ]

    def __str__(self) -> str:
        return f"batch {self.pk} of {self.digest}"


class NpuTask(models.Model):
    """What the client knows as a task, under the public id of its prediction."""

    prediction = models.OneToOneField(
        AsyncPrediction,
        primary_key=True,
        on_delete=models.CASCADE,
        related_name="npu_task",
    )
    removes_input = models.BooleanField()
    # The status of which the client has been told in a line.
    told = models.CharField(max_length=20, blank=True)

    def __str__(self) -> str:
        return f"task {self.prediction_id}"


class UtilityTask(models.Model):
    """A utility on uploaded data. It is worked out whenever its result is asked for,
    so nothing is kept but which part of which data it is."""

    public_id = models.CharField(
        max_length=24, unique=True, editable=False, default=new_public_id
    )
    data = models.ForeignKey(
        UploadedData, on_delete=models.CASCADE, related_name="utility_tasks"
    )
    utility = models.CharField(max_length=24)
    start = models.BigIntegerField(null=True)
    end = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="utility_task_created")]

    def __str__(self) -> str:
        return self.public_id
