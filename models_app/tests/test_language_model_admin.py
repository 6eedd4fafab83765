from __future__ import annotations

from django.urls import reverse

from accounts.tiers import Tier
from models_app.models import LanguageModel
from neuro_site.testing import BaseTestCase


class LanguageModelAdminTests(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.alice.is_staff = self.alice.is_superuser = True
        self.alice.save()
        self.client.force_login(self.alice)
        self.entry = LanguageModel.objects.get(slug="gpt-neo-125m")
        self.url = reverse(
            "admin:models_app_languagemodel_change", args=[self.entry.pk]
        )

    def test_it_lets_the_operator_choose_tier_and_visibility(self) -> None:
        data = {"minimum_tier": Tier.PREMIUM, "name": "Another name"}
        self.client.post(self.url, data)
        self.entry.refresh_from_db()
        self.assertEqual(self.entry.minimum_tier, Tier.PREMIUM)
        self.assertFalse(self.entry.is_enabled)

    def test_it_leaves_everything_else_to_the_card(self) -> None:
        self.client.post(self.url, {"minimum_tier": Tier.FREE, "name": "Another name"})
        self.entry.refresh_from_db()
        self.assertEqual(self.entry.name, "GPT-Neo-125M")

    def test_it_neither_adds_nor_deletes(self) -> None:
        add = self.client.get(reverse("admin:models_app_languagemodel_add"))
        self.assertEqual(add.status_code, 403)
        delete = reverse("admin:models_app_languagemodel_delete", args=[self.entry.pk])
        self.assertEqual(self.client.post(delete, {"post": "yes"}).status_code, 403)
