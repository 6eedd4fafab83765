"""Rows that are kept for so many days and no longer, deleted a few at a time."""

from __future__ import annotations

import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet
from django.utils import timezone

# Deleted in one transaction, so that others wait for none of them for long.
BATCH = 1000


def delete_old(rows: QuerySet[Any], *, moment: str, days: int) -> int:
    """Delete the rows whose `moment` is more than `days` days ago; how many those are."""
    before = timezone.now() - datetime.timedelta(days=days)
    old = rows.filter(**{f"{moment}__lt": before}).order_by("pk")
    deleted = 0
    while keys := list(old.values_list("pk", flat=True)[:BATCH]):
        rows.filter(pk__in=keys).delete()
        deleted += len(keys)
    return deleted


class DeleteOldCommand(BaseCommand):
    """Deletes what is older than its setting says, or than `--days` does."""

    variable: str
    what: str

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, help=f"instead of {self.variable}")

    def handle(self, *, days: int | None, **options: Any) -> None:
        if days is not None and days < 1:
            raise CommandError("Use a whole number of days, at least 1.")
        kept = days or self.days_kept()
        if not kept:
            self.stdout.write(f"Nothing is deleted: {self.variable} is 0.")
            return
        deleted = self.delete(kept)
        self.stdout.write(f"Deleted {deleted:,} {self.what} older than {kept} days.")

    def days_kept(self) -> int:
        """What the setting says; 0 keeps everything."""
        raise NotImplementedError

    def delete(self, days: int) -> int:
        raise NotImplementedError
