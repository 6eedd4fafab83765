from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from models_app.cards import CardError
from models_app.sync import sync_catalogue


class Command(BaseCommand):
    help = "Bring the catalogue in the database in line with the cards."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = sync_catalogue()
        except CardError as error:
            raise CommandError(str(error)) from error
        changes = {
            "Added": report.created,
            "Updated": report.updated,
            "Disabled, for want of a card": report.disabled,
        }
        for change, slugs in changes.items():
            if slugs:
                self.stdout.write(f"{change}: {', '.join(slugs)}")
        if not any(changes.values()):
            self.stdout.write("The catalogue is up to date.")
