from __future__ import annotations

from io import StringIO

from django.core.management import CommandError, call_command

from accounts.tiers import Tier
from models_app.cards import CardError, catalogue_slugs
from models_app.models import LanguageModel
from models_app.sync import sync_catalogue
from models_app.tests.cards import TINY_CARD, CatalogueTestCase
from neuro_site.testing import BaseTestCase


class MigratedDatabaseTests(BaseTestCase):
    def test_it_has_the_catalogue(self) -> None:
        slugs = LanguageModel.objects.values_list("slug", flat=True)
        self.assertEqual(sorted(slugs), catalogue_slugs())


class SyncCatalogueTests(CatalogueTestCase):
    def entry(self) -> LanguageModel:
        return LanguageModel.objects.get(slug="tiny")

    def test_it_creates_an_entry_for_each_card(self) -> None:
        self.assertEqual(self.entry().public_id, "0123456789abcdef01234567")
        self.assertEqual(self.entry().tags, ["Text Generation"])
        self.assertEqual(self.entry().minimum_tier, Tier.DEVELOPER)

    def test_it_changes_nothing_the_second_time(self) -> None:
        report = sync_catalogue()
        self.assertEqual(
            (report.created, report.updated, report.disabled), ([], [], [])
        )

    def test_it_brings_over_an_edited_card(self) -> None:
        self.write_card("tiny", TINY_CARD.replace("name: Tiny", "name: Tinier"))
        self.assertEqual(sync_catalogue().updated, ["tiny"])
        self.assertEqual(self.entry().name, "Tinier")

    def test_it_leaves_the_operators_own_choices_alone(self) -> None:
        LanguageModel.objects.filter(slug="tiny").update(
            minimum_tier=Tier.PREMIUM, is_enabled=False
        )
        self.write_card("tiny", TINY_CARD.replace("name: Tiny", "name: Tinier"))
        sync_catalogue()
        self.assertEqual(self.entry().minimum_tier, Tier.PREMIUM)
        self.assertFalse(self.entry().is_enabled)

    def test_it_disables_an_entry_without_a_card(self) -> None:
        (self.folder / "catalogue" / "tiny" / "card.md").unlink()
        self.assertEqual(sync_catalogue().disabled, ["tiny"])
        self.assertFalse(self.entry().is_enabled)

    def test_it_changes_nothing_when_a_card_is_broken(self) -> None:
        self.write_card("tiny", TINY_CARD.replace("name: Tiny", "name: Tinier"))
        self.write_card("broken", "nothing")
        with self.assertRaises(CardError):
            sync_catalogue()
        self.assertEqual(self.entry().name, "Tiny")


class SyncCommandTests(CatalogueTestCase):
    def test_it_says_what_changed(self) -> None:
        self.write_card("tiny", TINY_CARD.replace("name: Tiny", "name: Tinier"))
        self.assertEqual(self.output(), "Updated: tiny\n")
        self.assertEqual(self.output(), "The catalogue is up to date.\n")

    def test_it_names_the_broken_card(self) -> None:
        self.write_card("broken", "nothing")
        with self.assertRaisesRegex(CommandError, "broken/card.md"):
            self.output()

    def output(self) -> str:
        out = StringIO()
        call_command("sync_catalogue", stdout=out, skip_checks=True)
        return out.getvalue()
