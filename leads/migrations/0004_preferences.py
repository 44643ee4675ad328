from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Keep the keys and the density people choose for their pages.

    Both columns come with a default of the database's own, so rows of before and programs of before need no step
    between.
    """

    dependencies = [
        ("leads", "0003_imports"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="density",
            field=models.CharField(
                choices=[("comfortable", "Comfortable"), ("compact", "Compact")],
                db_default="comfortable",
                default="comfortable",
                max_length=11,
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="shortcuts",
            field=models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                help_text="Shortcut → the keys chosen for it.",
            ),
        ),
    ]
