from __future__ import annotations

import datetime
import io
from typing import Any
from unittest import mock

from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEvent
from models_app.models import PredictionRecord, UsageHour
from models_app.tests.usage import ended
from neuro_site.testing import BaseTestCase

A_DAY = datetime.timedelta(days=1)


def run(command: str, **options: Any) -> str:
    output = io.StringIO()
    call_command(command, stdout=output, **options)
    return output.getvalue().strip()


class PredictionTests(BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        now = timezone.now()
        for _ in range(3):
            ended(self.alice, now - 31 * A_DAY)
        self.recent = ended(self.bob, now - 29 * A_DAY)

    def test_it_deletes_nothing_unless_told(self) -> None:
        said = run("delete_old_predictions")
        self.assertEqual(said, "Nothing is deleted: NEURO_LEDGER_DAYS is 0.")
        self.assertEqual(PredictionRecord.objects.count(), 4)

    @override_settings(LEDGER_DAYS=30)
    def test_it_deletes_what_is_older_and_leaves_what_was_counted(self) -> None:
        with mock.patch("accounts.retention.BATCH", 2):
            said = run("delete_old_predictions")
        self.assertEqual(said, "Deleted 3 predictions and refusals older than 30 days.")
        self.assertEqual(PredictionRecord.objects.get(), self.recent)
        self.assertEqual(UsageHour.objects.get(user=self.alice).requests, 3)

    @override_settings(LEDGER_DAYS=30)
    def test_it_takes_other_days_this_once(self) -> None:
        run("delete_old_predictions", days=365)
        self.assertEqual(PredictionRecord.objects.count(), 4)
        with self.assertRaises(CommandError):
            run("delete_old_predictions", days=0)


class ActivityTests(BaseTestCase):
    def test_it_deletes_what_is_older(self) -> None:
        AuditEvent.objects.all().delete()
        audit.record(user=self.alice, kind="logout")
        AuditEvent.objects.update(created_at=timezone.now() - 31 * A_DAY)
        audit.record(user=self.alice, kind="account.exported")
        self.assertIn("NEURO_ACTIVITY_DAYS is 0", run("delete_old_activity"))
        self.assertEqual(
            run("delete_old_activity", days=30), "Deleted 1 events older than 30 days."
        )
        self.assertEqual(AuditEvent.objects.get().kind, "account.exported")
