"""What versions said unseen."""

from __future__ import annotations

from django.db import models

from leads.models import Lead, ModelVersion
from leads.models.leads import Tier


class ShadowScore(models.Model):
    """What a version in shadow said of a lead, unseen, and what the lead was shown to score at that time."""

    version = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, related_name="shadow_scores", db_index=False
    )
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="+")
    score = models.FloatField()
    tier = models.CharField(max_length=6, choices=Tier.choices)
    standing_score = models.FloatField()
    standing_tier = models.CharField(max_length=6, choices=Tier.choices)
    standing_model = models.CharField(max_length=60, blank=True, help_text="Empty: the rules.")
    scored_at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["version", "lead", "-scored_at"], name="shadow_score_latest")]

    def __str__(self) -> str:
        return f"shadow score {self.pk} of lead {self.lead_id}"
