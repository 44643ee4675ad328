from __future__ import annotations

from django.db import models
from django.utils import timezone

from leads.models.leads import Lead
from leads.models.tenants import Tenant


class LiveCursor(models.Model):
    """The last live message number of a tenant; its row lock puts numbers in commit order."""

    tenant = models.OneToOneField(
        Tenant, on_delete=models.CASCADE, primary_key=True, related_name="live_cursor"
    )
    last_number = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"tenant {self.tenant_id} at {self.last_number}"


class LiveMessage(models.Model):
    """A message for open screens, kept a while so that a reader can resume."""

    class Type(models.TextChoices):
        SCORE_UPDATE = "score_update", "Score update"
        ALERT = "alert", "Alert"
        DASHBOARD_REFRESH = "dashboard_refresh", "Dashboard refresh"
        MESSAGE = "message", "Message"
        DEAL_UPDATE = "deal_update", "Deal update"
        LISTING_UPDATE = "listing_update", "Listing update"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="live_messages", db_index=False)
    number = models.BigIntegerField()
    type = models.CharField(max_length=20, choices=Type.choices)
    audience = models.CharField(max_length=30, default="team", help_text='"team" or "user:<id>".')
    lead = models.ForeignKey(
        Lead, on_delete=models.CASCADE, null=True, blank=True, related_name="+", db_index=False
    )
    data = models.JSONField(default=dict)
    html = models.JSONField(null=True, blank=True)
    event_at = models.DateTimeField()
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["tenant", "number"]
        constraints = [models.UniqueConstraint(fields=["tenant", "number"], name="live_message_number")]
        indexes = [models.Index(fields=["at"], name="live_message_age")]

    def __str__(self) -> str:
        return f"{self.type} {self.tenant_id}/{self.number}"
