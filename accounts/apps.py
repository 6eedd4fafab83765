from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import (  # noqa: PLC0415
            events_of_allauth,
            export_sections,
            tier_overrides,
        )

        events_of_allauth.connect()
        export_sections.add_sections()
        post_migrate.connect(tier_overrides.make_a_row_for_each_tier, sender=self)
