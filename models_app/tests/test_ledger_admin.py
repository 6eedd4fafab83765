from __future__ import annotations

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from models_app.models import LanguageModel, PredictionRecord, Refusal
from models_app.tests.usage import ended, utc
from neuro_site.testing import BaseTestCase


class LedgerAdminTests(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.bob.is_staff = self.bob.is_superuser = True
        self.bob.save()
        self.client.force_login(self.bob)
        for minute in range(2):
            self._call(minute)

    def _call(self, minute: int) -> None:
        at = utc(2026, 3, 1, 12, minute)
        ended(self.alice, at, api_token=self.api_token_of(self.alice))
        Refusal.objects.create(
            user=self.alice,
            minute=at,
            project=self.alice.default_project,
            language_model=LanguageModel.objects.get(slug="neo-tiny"),
            source="api",
            limit="requests_per_minute",
            set_by="tier",
            error_code="rate_limited",
            calls=3,
        )

    def test_it_lists_finds_and_shows_what_was_called(self) -> None:
        for model in (PredictionRecord, Refusal):
            name = f"admin:models_app_{model._meta.model_name}"
            found = self.client.get(reverse(f"{name}_changelist"), {"q": "alice"})
            self.assertContains(found, "alice@example.org")
            record = model._default_manager.first()
            assert record is not None
            page = self.client.get(reverse(f"{name}_change", args=[record.pk]))
            self.assertEqual(page.status_code, 200)

    def test_it_changes_nothing(self) -> None:
        for model in (PredictionRecord, Refusal):
            name = f"admin:models_app_{model._meta.model_name}"
            record = model._default_manager.first()
            assert record is not None
            for way in ("change", "delete"):
                url = reverse(f"{name}_{way}", args=[record.pk])
                self.assertEqual(self.client.post(url, {"post": 1}).status_code, 403)
            self.assertEqual(self.client.get(reverse(f"{name}_add")).status_code, 403)

    def test_it_asks_as_little_for_many_rows_as_for_few(self) -> None:
        urls = [
            reverse("admin:models_app_predictionrecord_changelist"),
            reverse("admin:models_app_refusal_changelist"),
        ]
        self.client.get(urls[0])  # a session's first visit is noted
        before = [self._queries(url) for url in urls]
        for minute in range(2, 6):
            self._call(minute)
        self.assertEqual([self._queries(url) for url in urls], before)

    def _queries(self, url: str) -> int:
        with CaptureQueriesContext(connection) as asked:
            self.client.get(url)
        return len(asked)
