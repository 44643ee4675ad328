from __future__ import annotations

from django.db import models

from leads.models.leads import Lead


class FeatureState(models.Model):
    """What the feature functions remember of a lead's history."""

    lead = models.OneToOneField(
        Lead, on_delete=models.CASCADE, primary_key=True, related_name="feature_state"
    )
    state = models.JSONField()
    version = models.CharField(max_length=20)
    last_event_id = models.BigIntegerField()
    last_occurred_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"state of lead {self.lead_id}"
