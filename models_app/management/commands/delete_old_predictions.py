from __future__ import annotations

from django.conf import settings

from accounts.retention import DeleteOldCommand, delete_old
from models_app.models import PredictionRecord, Refusal


class Command(DeleteOldCommand):
    help = (
        "Delete old predictions from the request log. Usage by day stays. "
        "Run it every day."
    )
    variable = "NEURO_LEDGER_DAYS"
    what = "predictions and refusals"

    def days_kept(self) -> int:
        return settings.LEDGER_DAYS

    def delete(self, days: int) -> int:
        predictions = PredictionRecord.objects.all()
        return delete_old(predictions, moment="created_at", days=days) + delete_old(
            Refusal.objects.all(), moment="minute", days=days
        )
