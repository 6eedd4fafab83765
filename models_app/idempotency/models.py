"""What was answered to a call that may come again."""

from __future__ import annotations

from django.db import models

from accounts.models import ApiToken


class IdempotencyKey(models.Model):
    """A caller's own name for one call, which is carried out once under it.

    `holder` is the mailbox of the process that carries it out; no `answer` is there yet.
    """

    api_token = models.ForeignKey(ApiToken, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    # Of method, address and body.
    digest = models.CharField(max_length=64)
    holder = models.CharField(max_length=20)
    # JSON as text, see `models_app.idempotency.once`.
    answer = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["api_token", "key"], name="unique_idempotency_key"
            )
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotency_created")]

    def __str__(self) -> str:
        return self.key
