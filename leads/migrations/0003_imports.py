from __future__ import annotations

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import leads.crypto


class Migration(migrations.Migration):
    """Keep files of leads being imported; find the leads whose write-back is due."""

    dependencies = [
        ("leads", "0002_event_recorded"),
    ]

    operations = [
        migrations.CreateModel(
            name="LeadImport",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("file_name", models.CharField(max_length=200)),
                (
                    "digest",
                    models.CharField(
                        help_text="Of the file and how it is read; tells a repeat.", max_length=64
                    ),
                ),
                (
                    "content",
                    leads.crypto.EncryptedTextField(blank=True, help_text="The file, until the import ends."),
                ),
                (
                    "mapping",
                    models.JSONField(
                        blank=True, default=dict, help_text="Column → field; empty leaves it out."
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("preview", "Waiting for a look"),
                            ("running", "Running"),
                            ("done", "Complete"),
                            ("discarded", "Discarded"),
                        ],
                        default="preview",
                        max_length=9,
                    ),
                ),
                ("total", models.PositiveIntegerField(default=0)),
                (
                    "done",
                    models.PositiveIntegerField(
                        default=0, help_text="Rows read; a resumed import goes on after them."
                    ),
                ),
                ("created", models.PositiveIntegerField(default=0)),
                ("updated", models.PositiveIntegerField(default=0)),
                ("unchanged", models.PositiveIntegerField(default=0)),
                ("failed", models.PositiveIntegerField(default=0)),
                (
                    "errors",
                    models.JSONField(
                        blank=True, default=list, help_text="[{row, field, what, mend}]; no values."
                    ),
                ),
                ("leased_until", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.AddIndex(
            model_name="lead",
            index=models.Index(
                condition=models.Q(("written_back__has_key", "due_at")),
                fields=["id"],
                name="lead_write_back_due",
            ),
        ),
        migrations.AddField(
            model_name="leadimport",
            name="by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="leadimport",
            name="tenant",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="imports", to="leads.tenant"
            ),
        ),
        migrations.AddIndex(
            model_name="leadimport",
            index=models.Index(fields=["tenant", "-id"], name="import_recent"),
        ),
    ]
