from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.db.models.signals import post_migrate

from accounts.offers import Offer, register_catalogue
from accounts.tiers import Tier


class ModelsAppConfig(AppConfig):
    name = "models_app"
    verbose_name = "Models"

    def ready(self) -> None:
        from models_app import account_data  # noqa: PLC0415
        from models_app.asynchronous import account_data as asynchronous  # noqa: PLC0415
        from models_app.batches import account_data as batches  # noqa: PLC0415
        from models_app.npu import account_data as npu  # noqa: PLC0415
        from models_app.webhooks import account_data as webhooks  # noqa: PLC0415

        account_data.connect()
        asynchronous.connect()
        batches.connect()
        npu.connect()
        webhooks.connect()
        post_migrate.connect(fill_catalogue, sender=self)
        register(check_cards)
        register_catalogue(read_offers)


def read_offers() -> list[Offer]:
    from models_app.models import LanguageModel  # noqa: PLC0415
    from models_app.utilities.table import UTILITIES  # noqa: PLC0415

    language_models = [
        Offer(slug=entry.slug, name=entry.name, minimum_tier=Tier(entry.minimum_tier))
        for entry in LanguageModel.objects.enabled()
    ]
    return language_models + [
        Offer(slug=utility.slug, name=utility.name, minimum_tier=Tier.FREE)
        for utility in UTILITIES
    ]


def fill_catalogue(*, using: str, **kwargs: Any) -> None:
    """Every migrated database has the catalogue, those of tests included."""
    from models_app.sync import sync_catalogue  # noqa: PLC0415

    executor = MigrationExecutor(connections[using])
    newest = [
        node for node in executor.loader.graph.leaf_nodes() if node[0] == "models_app"
    ]
    # After a migration backwards the table is not the one that the code knows.
    if not executor.migration_plan(newest):
        sync_catalogue(using=using)


def check_cards(**kwargs: Any) -> list[CheckMessage]:
    from models_app.cards import CardError, catalogue_slugs, read_card  # noqa: PLC0415

    problems: list[CheckMessage] = []
    for slug in catalogue_slugs():
        try:
            read_card(slug)
        except CardError as error:
            problems.append(
                Error(
                    str(error),
                    hint="docs/catalogue.md explains every field of a card.",
                    id="models_app.E001",
                )
            )
    return problems
