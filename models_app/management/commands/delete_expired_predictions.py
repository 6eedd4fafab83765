"""`manage.py delete_expired_predictions`: what every worker does once a minute."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from models_app.asynchronous.housekeeping import delete_expired
from models_app.idempotency.keys import forget_old


class Command(BaseCommand):
    help = "Delete asynchronous predictions and idempotency keys whose time is over."

    def handle(self, **options: Any) -> None:
        deleted = delete_expired()
        forget_old()
        self.stdout.write(f"{deleted} predictions are deleted.")
