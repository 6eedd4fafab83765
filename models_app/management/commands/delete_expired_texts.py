from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from models_app.texts import delete_expired


class Command(BaseCommand):
    help = "Delete texts of calls whose projects keep them no longer. Run it every day."

    def handle(self, **options: Any) -> None:
        deleted = delete_expired()
        self.stdout.write(
            f"Deleted the texts of {deleted:,} prediction{'' if deleted == 1 else 's'}."
        )
