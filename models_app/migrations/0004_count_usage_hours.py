from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.models.functions import Coalesce, TruncHour

from accounts.time_zones import zone_of

SUMMED = ("prompt_tokens", "completion_tokens", "charged_tokens")
BATCH = 1000


def count_what_has_ended(apps: Any, schema_editor: Any) -> None:
    """One row of sums for each hour of the ledger, as its owner's clock strikes it."""
    records = apps.get_model("models_app", "PredictionRecord").objects
    usage_hour = apps.get_model("models_app", "UsageHour")
    users = apps.get_model("accounts", "User").objects.filter(predictions__isnull=False)
    for user in users.distinct():
        sums = sums_of(records.filter(user=user).exclude(status="running"), user)
        rows = [usage_hour(user=user, **fields_of(row)) for row in sums]
        usage_hour.objects.bulk_create(rows, batch_size=BATCH)


def sums_of(ended: Any, user: Any) -> Any:
    is_charged = models.Q(charged_tokens__gt=0)
    # Under names that the ledger does not have itself.
    by = {
        "hour": TruncHour("created_at", tzinfo=zone_of(user)),
        "of_api_token": Coalesce("api_token__public_id", models.Value("")),
    }
    sums = {
        f"of_{name}": models.Sum(name, filter=is_charged, default=0) for name in SUMMED
    }
    return (
        ended.order_by()
        .values("project_id", "language_model_id", "source", **by)
        .annotate(
            requests=models.Count("pk"),
            failed=models.Count("pk", filter=models.Q(status="failed")),
            **sums,
        )
    )


def fields_of(row: dict[str, Any]) -> dict[str, Any]:
    return {name.removeprefix("of_"): value for name, value in row.items()}


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0004_tier_requests"),
        ("models_app", "0003_usage_hours"),
    ]

    operations = [
        migrations.RunPython(count_what_has_ended, migrations.RunPython.noop),
    ]
