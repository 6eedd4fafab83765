from __future__ import annotations

from typing import Any

from django.db import migrations


def name_a_reservation_that_is_gone(apps: Any, schema_editor: Any) -> None:
    """Rows that run since before rows named their reservation: `models_app.interrupted`
    closes those whose reservation is gone, and counts them. What a queue begins again
    finds its row open, as it left it."""
    queued = apps.get_model("models_app", "AsyncPrediction").objects.filter(
        status__in=["starting", "processing"]
    )
    lines = apps.get_model("models_app", "BatchLine").objects.filter(status="running")
    running = apps.get_model("models_app", "PredictionRecord").objects.filter(
        status="running", reservation_id=None
    )
    running.exclude(public_id__in=queued.values("public_id")).exclude(
        public_id__in=lines.values("prediction_id")
    ).update(reservation_id=0)


class Migration(migrations.Migration):
    dependencies = [("models_app", "0016_webhooks_of_batches")]

    operations = [
        migrations.RunPython(
            name_a_reservation_that_is_gone, migrations.RunPython.noop, elidable=True
        )
    ]
