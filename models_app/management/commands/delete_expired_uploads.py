"""`manage.py delete_expired_uploads`: what every worker does once a minute."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from models_app.npu.uploads import delete_expired


class Command(BaseCommand):
    help = "Delete data of the npu client that was not used for as long as it is kept."

    def handle(self, **options: Any) -> None:
        self.stdout.write(f"Deleted {delete_expired():,} uploads.")
