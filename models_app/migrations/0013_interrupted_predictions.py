from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("models_app", "0012_uploaded_data")]

    operations = [
        migrations.AddField(
            model_name="predictionrecord",
            name="reservation_id",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddIndex(
            model_name="predictionrecord",
            index=models.Index(
                condition=models.Q(("status", "running")),
                fields=["created_at"],
                name="ledger_running",
            ),
        ),
    ]
