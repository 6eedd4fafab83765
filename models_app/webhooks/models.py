"""Addresses that are told what happens, what they were told, and how that went."""

from __future__ import annotations

import datetime

from django.db import models
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.identifiers import new_public_id
from accounts.models import Project


class WebhookSecret(models.Model):
    """What signs the webhooks of a project, sealed: it must be read to sign.

    After a rotation the previous one signs, too, until `previous_expires_at`.
    """

    project = models.OneToOneField(
        Project, on_delete=models.CASCADE, related_name="webhook_secret"
    )
    sealed = models.TextField()
    previous_sealed = models.TextField(blank=True)
    previous_expires_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    rotated_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"of {self.project}"

    @property
    def is_rotating(self) -> bool:
        ends_at = self.previous_expires_at
        return ends_at is not None and ends_at > timezone.now()


LONGEST_DESCRIPTION = 200
SOON_SECONDS = 10


class WebhookQuerySet(models.QuerySet["Webhook"]):
    def enabled(self) -> WebhookQuerySet:
        return self.filter(disabled_at=None)


class Webhook(models.Model):
    """An address that is told of every event of its types in its project."""

    class DisabledBy(models.TextChoices):
        OWNER = "owner", "you"
        FAILURES = "failures", "failures"
        RECEIVER = "receiver", "its own answer, 410 Gone"

    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="webhooks"
    )
    public_id = models.CharField(
        max_length=24, unique=True, editable=False, default=new_public_id
    )
    url = models.CharField(max_length=2000)
    # What it is for, in its owner's words.
    description = models.CharField(max_length=LONGEST_DESCRIPTION, blank=True)
    # Names of `models_app.webhooks.events`; an empty list means all of them.
    events = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    last_delivered_at = models.DateTimeField(null=True)
    disabled_at = models.DateTimeField(null=True)
    disabled_by = models.CharField(choices=DisabledBy, max_length=10, blank=True)

    objects = WebhookQuerySet.as_manager()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.url

    @property
    def is_enabled(self) -> bool:
        return self.disabled_at is None

    def wants(self, event: str) -> bool:
        return not self.events or event in self.events


class DeliveryStatus(models.TextChoices):
    PENDING = "pending", "Pending"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Failed"


class WebhookDelivery(models.Model):
    """One event for one address, until it is delivered or given up, and then a while.

    `payload` is the body as it is sent, each time the same. It holds texts of calls, so
    it is emptied when they go.
    """

    public_id = models.CharField(
        max_length=24, unique=True, editable=False, default=new_public_id
    )
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="webhook_deliveries"
    )
    # Without one, `url` is what a call named.
    webhook = models.ForeignKey(
        Webhook, null=True, on_delete=models.CASCADE, related_name="deliveries"
    )
    url = models.CharField(max_length=2000)
    event = models.CharField(max_length=50)
    # The prediction, say, that it is about.
    subject = models.CharField(max_length=24, blank=True)
    payload = models.TextField()
    status = models.CharField(
        choices=DeliveryStatus, default=DeliveryStatus.PENDING, max_length=10
    )
    # Attempts that failed since it was last asked for.
    failures = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    # Whose turn it is, for `models_app.webhooks.sharing`: a webhook's, or, for all the
    # addresses together that calls of a project name, that project's.
    receiver = models.GeneratedField(
        expression=Coalesce("webhook_id", -F("project_id")),
        output_field=models.BigIntegerField(),
        db_persist=True,
    )
    # The one task that may deliver it; one of before does nothing any more.
    task_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "webhook deliveries"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["project", "-id"], name="deliveries_of_project"),
            models.Index(fields=["created_at"], name="deliveries_created"),
            models.Index(fields=["task_id"], name="deliveries_of_task"),
            models.Index(
                fields=["status", "receiver", "next_attempt_at"],
                name="deliveries_of_receiver",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} ({self.status})"

    @property
    def message_id(self) -> str:
        """What its receiver knows it by, however often it comes."""
        return f"msg_{self.public_id}"

    @property
    def address(self) -> str:
        return self.webhook.url if self.webhook else self.url

    @property
    def is_about_to_be_sent(self) -> bool:
        soon = timezone.now() + datetime.timedelta(seconds=SOON_SECONDS)
        return self.next_attempt_at is not None and self.next_attempt_at < soon

    @property
    def can_be_resent(self) -> bool:
        return bool(self.payload)


class WebhookAttempt(models.Model):
    delivery = models.ForeignKey(
        WebhookDelivery, on_delete=models.CASCADE, related_name="attempts"
    )
    started_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    # What the receiver answered; without one, `problem` says why there was none.
    response_status = models.PositiveSmallIntegerField(null=True)
    problem = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.response_status or self.problem}"
