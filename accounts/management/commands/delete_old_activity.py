from __future__ import annotations

from django.conf import settings

from accounts.models import AuditEvent
from accounts.retention import DeleteOldCommand, delete_old


class Command(DeleteOldCommand):
    help = "Delete what accounts did long ago from their activity. Run it every day."
    variable = "NEURO_ACTIVITY_DAYS"
    what = "events"

    def days_kept(self) -> int:
        return settings.ACTIVITY_DAYS

    def delete(self, days: int) -> int:
        return delete_old(AuditEvent.objects.all(), moment="created_at", days=days)
