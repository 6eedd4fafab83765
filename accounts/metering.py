"""What is counted: the rows of a day, and what is set aside for predictions."""

from __future__ import annotations

import datetime

from django.db import models
from django.utils import timezone


class Day(models.Model):
    """What somebody used, and has reserved, on one day (UTC)."""

    day = models.DateField()
    tokens_used = models.PositiveBigIntegerField(default=0)
    tokens_reserved = models.PositiveBigIntegerField(default=0)

    class Meta:
        abstract = True


class UsageDay(Day):
    """One account's day."""

    user = models.ForeignKey(
        "accounts.User", on_delete=models.CASCADE, related_name="usage_days"
    )
    predictions = models.PositiveIntegerField(default=0)
    # The share of the quota, in per cent, that its owner was last told about.
    warned_percent = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "day"], name="unique_usage_day_per_user"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.day}"


class ApiTokenDay(Day):
    """One API token's day, kept for those with tokens a day of their own."""

    api_token = models.ForeignKey(
        "accounts.ApiToken", on_delete=models.CASCADE, related_name="days"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["api_token", "day"], name="unique_day_per_api_token"
            )
        ]

    def __str__(self) -> str:
        return f"{self.api_token}, {self.day}"


class ReservationQuerySet(models.QuerySet["Reservation"]):
    def live(self, now: datetime.datetime) -> ReservationQuerySet:
        return self.filter(settled_at=None, expires_at__gt=now)

    def expired(self, now: datetime.datetime) -> ReservationQuerySet:
        return self.filter(settled_at=None, expires_at__lte=now)


class Reservation(models.Model):
    """Tokens and a place set aside for one prediction.

    While it is live it holds one of the account's concurrent requests. Settled, it stays
    for as long as it counts towards the tokens of the last minute.
    """

    user = models.ForeignKey(
        "accounts.User", on_delete=models.CASCADE, related_name="reservations"
    )
    api_token = models.ForeignKey(
        "accounts.ApiToken",
        null=True,
        on_delete=models.SET_NULL,
        related_name="reservations",
    )
    day = models.DateField()
    # Whether the API token's own day holds the tokens too.
    is_on_api_token_day = models.BooleanField(default=False)
    tokens = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(db_index=True)
    settled_at = models.DateTimeField(null=True)

    objects = ReservationQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["user", "created_at"], name="reservations_of_user")
        ]

    def __str__(self) -> str:
        return f"{self.tokens} tokens, {self.user}, {self.day}"
