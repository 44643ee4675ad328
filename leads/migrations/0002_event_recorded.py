from __future__ import annotations

import django.contrib.postgres.indexes
from django.db import migrations


class Migration(migrations.Migration):
    """Let the sweep and the replay find events by when they were recorded."""

    dependencies = [
        ("leads", "0001_ground"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="event",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["recorded_at"], name="event_recorded"
            ),
        ),
    ]
