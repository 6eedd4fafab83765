from __future__ import annotations

from typing import Any

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import accounts.models


def give_back_reservations(apps: Any, schema_editor: Any) -> None:
    """They belong to predictions of a server that is not running now."""
    apps.get_model("accounts", "UsageDay").objects.update(tokens_reserved=0)


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0002_audit_and_profile"),
    ]

    operations = [
        migrations.RunPython(give_back_reservations, migrations.RunPython.noop),
        migrations.DeleteModel(name="Reservation"),
        migrations.CreateModel(
            name='TierOverride',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tier', models.CharField(choices=[('free', 'Free'), ('developer', 'Developer'), ('premium', 'Premium')], max_length=20, unique=True)),
                ('limits', models.JSONField(blank=True, default=dict)),
                ('updated_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'verbose_name': 'tier',
            },
        ),
        migrations.AddField(
            model_name='apitoken',
            name='allowed_models',
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name='apitoken',
            name='expires_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='apitoken',
            name='last_used_from',
            field=models.GenericIPAddressField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='apitoken',
            name='own_limits',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name='apitoken',
            name='previous_digest',
            field=models.CharField(blank=True, editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name='apitoken',
            name='previous_expires_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='apitoken',
            name='previous_prefix',
            field=models.CharField(editable=False, max_length=20, null=True, unique=True),
        ),
        migrations.AddField(
            model_name='apitoken',
            name='rotated_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='apitoken',
            name='scopes',
            field=models.JSONField(default=accounts.models._predict_only),
        ),
        migrations.AddField(
            model_name='project',
            name='archived_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='usageday',
            name='warned_percent',
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='user',
            name='staff_limits',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.CreateModel(
            name='ApiTokenDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('tokens_used', models.PositiveBigIntegerField(default=0)),
                ('tokens_reserved', models.PositiveBigIntegerField(default=0)),
                ('api_token', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='days', to='accounts.apitoken')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('api_token', 'day'), name='unique_day_per_api_token')],
            },
        ),
        migrations.CreateModel(
            name='Reservation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('is_on_api_token_day', models.BooleanField(default=False)),
                ('tokens', models.PositiveBigIntegerField()),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('expires_at', models.DateTimeField(db_index=True)),
                ('settled_at', models.DateTimeField(null=True)),
                ('api_token', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='reservations', to='accounts.apitoken')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='reservations', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['user', 'created_at'], name='reservations_of_user')],
            },
        ),
    ]
