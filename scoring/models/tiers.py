"""Where tiers begin."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from leads.models import Tenant, User


class TierCuts(models.Model):
    """What a tenant's team can do, and where its tiers begin under a learned model because of it."""

    tenant = models.OneToOneField(
        Tenant, on_delete=models.CASCADE, primary_key=True, related_name="tier_cuts"
    )
    model = models.CharField(max_length=60, blank=True, help_text="The version whose scores they cut.")
    cuts = models.JSONField(
        default=dict,
        blank=True,
        help_text="By segment, the empty one for all: hot, warm, steady, margin, reasons.",
    )
    hot_a_week = models.PositiveIntegerField(
        null=True, blank=True, help_text="Leads the team can call in a week; empty: so many for each agent."
    )
    least_precision = models.FloatField(default=0.0, help_text="Share of hot leads that must come.")
    explore_share = models.FloatField(
        default=0.0, help_text="Share of the leads for which chance decides if they are hot."
    )
    is_held = models.BooleanField(
        default=False, help_text="Won an experiment: stays until the broker says anew what the team can do."
    )
    set_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "tier cuts"

    def __str__(self) -> str:
        return f"tier cuts of {self.tenant_id}"
