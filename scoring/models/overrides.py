"""What agents say beside the score."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.utils import timezone

from leads.models import Lead, Tenant, User
from leads.models.leads import Tier
from scoring.outcomes import TARGET_LABELS
from scoring.overrides import LASTS, REASON_LABELS, strength


class ScoreOverride(models.Model):
    """What an agent says of a lead beside its score, which it never changes; fades, and is graded later."""

    class End(models.TextChoices):
        WITHDRAWN = "withdrawn", "Withdrawn"
        REPLACED = "replaced", "Replaced by another"
        FADED = "faded", "Faded"
        OUTCOME = "outcome", "The outcome is known"

    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, related_name="score_overrides", db_index=False
    )
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="score_overrides", db_index=False)
    set_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    set_at = models.DateTimeField(default=timezone.now)
    score = models.FloatField(help_text="0 to 100, as the agent says.")
    reason = models.CharField(
        max_length=12, choices=[(reason.value, label) for reason, label in REASON_LABELS.items()]
    )
    note = models.CharField(max_length=200, blank=True)
    model_score = models.FloatField(help_text="The score of that time.")
    model_tier = models.CharField(max_length=6, choices=Tier.choices)
    model_version = models.CharField(max_length=60, blank=True, help_text="Empty: the rules.")
    target = models.CharField(
        max_length=7, choices=[(target.value, label) for target, label in TARGET_LABELS.items()]
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    end = models.CharField(max_length=9, choices=End.choices, blank=True)
    ended_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    came = models.BooleanField(null=True, blank=True)
    known_at = models.DateTimeField(null=True, blank=True, help_text="When the outcome was known.")
    graded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["lead"], condition=models.Q(ended_at__isnull=True), name="score_override_stands_alone"
            ),
            models.CheckConstraint(
                condition=models.Q(score__gte=0, score__lte=100), name="score_override_in_range"
            ),
            models.CheckConstraint(
                condition=models.Q(came__isnull=True, known_at__isnull=True, graded_at__isnull=True)
                | models.Q(came__isnull=False, known_at__isnull=False, graded_at__isnull=False),
                name="score_override_grade_has_time",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="score_override_list"),
            models.Index(fields=["lead", "-id"], name="score_override_of_lead"),
        ]

    def __str__(self) -> str:
        return f"override {self.pk} of lead {self.lead_id}"

    @property
    def fades_at(self) -> datetime:
        """Return when nothing is left of it."""
        return self.set_at + LASTS

    def is_standing(self, now: datetime) -> bool:
        """Tell whether anything is left of it."""
        return self.ended_at is None and now < self.fades_at

    def strength(self, now: datetime) -> float:
        """Return what is left of it, from 1 to 0."""
        return strength(now - self.set_at) if self.is_standing(now) else 0.0
