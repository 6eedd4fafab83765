from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import events_of_allauth, export_sections  # noqa: PLC0415

        events_of_allauth.connect()
        export_sections.add_sections()
