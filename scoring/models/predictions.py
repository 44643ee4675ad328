"""What was said of leads, and who asked."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from leads.models import Lead, Tenant
from leads.models.leads import Tier


class LeadScore(models.Model):
    """One prediction: what the engine said of a lead after an event, from which inputs.

    `event_id` is null when time alone moved the score. The pair (lead, event) is unique: an event is scored
    once however often it is told.
    """

    class Mode(models.TextChoices):
        RULES = "rules", "Rules"
        MODEL = "model", "Model"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="lead_scores", db_index=False)
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="scores", db_index=False)
    event_id = models.BigIntegerField(null=True, blank=True)
    score = models.FloatField()
    low = models.FloatField(null=True, blank=True)
    high = models.FloatField(null=True, blank=True)
    tier = models.CharField(max_length=6, choices=Tier.choices)
    base = models.FloatField()
    contributions = models.JSONField(help_text="[feature, value, points], largest first.")
    pillars = models.JSONField(help_text="[pillar, points, weight].")
    mode = models.CharField(max_length=6, choices=Mode.choices)
    model_version = models.CharField(max_length=60, blank=True)
    weight_set = models.CharField(max_length=60)
    feature_version = models.CharField(max_length=20)
    inputs_hash = models.CharField(max_length=16)
    event_at = models.DateTimeField(help_text="The moment whose history was scored.")
    scored_at = models.DateTimeField()
    propensity = models.FloatField(
        null=True,
        blank=True,
        help_text="The chance the lead had of being hot, where chance decides for some.",
    )
    is_explored = models.BooleanField(default=False, help_text="Whether chance decided if it is hot.")

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["lead", "event_id"], name="lead_score_once"),
            models.CheckConstraint(
                condition=models.Q(score__gte=0, score__lte=100), name="lead_score_in_range"
            ),
        ]
        indexes = [
            models.Index(fields=["lead", "-event_at", "-id"], name="lead_score_history"),
            models.Index(fields=["tenant", "-id"], name="lead_score_audit"),
            models.Index(fields=["tenant", "scored_at"], name="lead_score_since"),
            models.Index(
                fields=["lead", "event_at"],
                condition=models.Q(propensity__isnull=False),
                name="lead_score_chance",
            ),
        ]

    def __str__(self) -> str:
        return f"score {self.pk} of lead {self.lead_id}"


class ScoreQuery(models.Model):
    """A program's question what a lead scored at a moment, and a worker's answer; kept for a day."""

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="score_queries", db_index=False)
    at = models.DateTimeField(help_text="The moment asked for.")
    model = models.CharField(max_length=60)
    asked_at = models.DateTimeField(default=timezone.now)
    answered_at = models.DateTimeField(null=True, blank=True, help_text="When its history was read.")
    answer = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "score queries"
        constraints = [
            models.UniqueConstraint(fields=["lead", "at", "model"], name="score_query_once"),
            models.CheckConstraint(
                condition=models.Q(answered_at__isnull=True, answer__isnull=True)
                | models.Q(answered_at__isnull=False, answer__isnull=False),
                name="score_query_answer_has_time",
            ),
        ]
        indexes = [models.Index(fields=["asked_at"], name="score_query_age")]

    def __str__(self) -> str:
        return f"score query {self.pk} about lead {self.lead_id}"
