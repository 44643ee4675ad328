from __future__ import annotations

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Keep what people change of a lead until it is written to GoHighLevel."""

    dependencies = [
        ("leads", "0004_preferences"),
    ]

    operations = [
        migrations.CreateModel(
            name="ContactEdit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "fields",
                    models.JSONField(
                        default=list, help_text="Names of what changed, such as email or custom.beds."
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("due", "Waiting"),
                            ("sending", "Being sent"),
                            ("sent", "Sent"),
                            ("failed", "Failed"),
                        ],
                        default="due",
                        max_length=7,
                    ),
                ),
                (
                    "due_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, help_text="While being sent: when to give it up."
                    ),
                ),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("error", models.CharField(blank=True, max_length=300)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "lead",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="contact_edits",
                        to="leads.lead",
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
                "indexes": [
                    models.Index(fields=["lead", "-id"], name="contact_edit_latest"),
                    models.Index(
                        condition=models.Q(("state__in", ["due", "sending"])),
                        fields=["due_at"],
                        name="contact_edit_open",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "due")), fields=("lead",), name="contact_edit_one_due"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "sending")),
                        fields=("lead",),
                        name="contact_edit_one_sending",
                    ),
                ],
            },
        ),
    ]
