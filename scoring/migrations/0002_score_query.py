from __future__ import annotations

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    """Keep programs' questions about past scores, and the answers, for a day."""

    dependencies = [
        ("leads", "0001_ground"),
        ("scoring", "0001_lead_score"),
    ]

    operations = [
        migrations.CreateModel(
            name="ScoreQuery",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(help_text="The moment asked for.")),
                ("model", models.CharField(max_length=60)),
                ("asked_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "answered_at",
                    models.DateTimeField(blank=True, help_text="When its history was read.", null=True),
                ),
                ("answer", models.JSONField(blank=True, null=True)),
                (
                    "lead",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="score_queries",
                        to="leads.lead",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "score queries",
                "ordering": ["-pk"],
                "indexes": [models.Index(fields=["asked_at"], name="score_query_age")],
                "constraints": [
                    models.UniqueConstraint(fields=("lead", "at", "model"), name="score_query_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("answer__isnull", True), ("answered_at__isnull", True)),
                            models.Q(("answer__isnull", False), ("answered_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="score_query_answer_has_time",
                    ),
                ],
            },
        ),
    ]
