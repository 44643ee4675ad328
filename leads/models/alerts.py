from __future__ import annotations

from django.db import models
from django.utils import timezone

from leads.models.leads import Lead
from leads.models.tenants import Tenant, User


class AlertKind(models.TextChoices):
    HOT_LEAD = "hot_lead", "Hot lead"
    TIER_JUMP = "tier_jump", "Tier jump"
    SCORE_DROP = "score_drop", "Score drop"
    BUYING_SIGNAL = "buying_signal", "Buying signal"
    REPLY_WAITING = "reply_waiting", "Reply waiting"
    HOT_SILENT = "hot_silent", "Hot lead silent"


class AlertSettings(models.Model):
    """When a tenant wants to be told, and how."""

    tenant = models.OneToOneField(
        Tenant, on_delete=models.CASCADE, primary_key=True, related_name="alert_settings"
    )
    hot_score = models.PositiveSmallIntegerField(default=85)
    warm_score = models.PositiveSmallIntegerField(default=65)
    steady_score = models.PositiveSmallIntegerField(default=40)
    score_drop = models.PositiveSmallIntegerField(default=15, help_text="Points lost that raise an alert.")
    reply_limit_minutes = models.PositiveIntegerField(default=15)
    hot_silent_hours = models.PositiveIntegerField(default=48)
    cooldown_minutes = models.PositiveIntegerField(default=60, help_text="Same lead, same kind.")
    handle_goal_minutes = models.PositiveIntegerField(default=5)
    escalate_minutes = models.PositiveIntegerField(default=10)
    channels = models.JSONField(default=list, blank=True, help_text='Beside in-app: "email", "ghl_task".')
    disabled_kinds = models.JSONField(default=list, blank=True)

    class Meta:
        verbose_name_plural = "alert settings"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(hot_score__gt=models.F("warm_score"))
                & models.Q(warm_score__gt=models.F("steady_score"))
                & models.Q(hot_score__lte=100),
                name="alert_tiers_descend",
            )
        ]

    def __str__(self) -> str:
        return f"alert settings of {self.tenant_id}"


class Alert(models.Model):
    """Something an agent should act on, with its clock."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        EXPIRED = "expired", "No longer true"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="alerts", db_index=False)
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="alerts", db_index=False)
    kind = models.CharField(max_length=20, choices=AlertKind.choices)
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN)
    reason = models.CharField(max_length=200, help_text="One plain sentence; names no person.")
    data = models.JSONField(default=dict, blank=True)
    event_id = models.BigIntegerField(null=True, blank=True)
    dedupe_key = models.CharField(max_length=120)
    assigned_to = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="alerts"
    )
    event_at = models.DateTimeField(help_text="When what it tells of happened.")
    raised_at = models.DateTimeField(default=timezone.now)
    goal_at = models.DateTimeField(help_text="Handled in time if acknowledged by then.")
    escalate_at = models.DateTimeField(null=True, blank=True)
    escalated_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["-raised_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["tenant", "dedupe_key"], name="alert_once")]
        indexes = [
            models.Index(fields=["tenant", "state", "-raised_at"], name="alert_feed"),
            models.Index(fields=["lead", "kind", "-raised_at"], name="alert_cooldown"),
            models.Index(
                fields=["escalate_at"],
                condition=models.Q(state="open", escalated_at__isnull=True),
                name="alert_escalation",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @property
    def in_time(self) -> bool | None:
        """Tell whether it was handled within its goal; None while that is open."""
        if self.acknowledged_at is None:
            return False if timezone.now() > self.goal_at else None
        return self.acknowledged_at <= self.goal_at


class AlertDelivery(models.Model):
    """One sending of an alert over one channel to one person; sent at most once."""

    class Channel(models.TextChoices):
        IN_APP = "in_app", "In the app"
        EMAIL = "email", "E-mail"
        GHL_TASK = "ghl_task", "GoHighLevel task"

    class State(models.TextChoices):
        DUE = "due", "Due"
        CLAIMED = "claimed", "Being sent"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.CharField(max_length=10, choices=Channel.choices)
    recipient = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="+")
    state = models.CharField(max_length=8, choices=State.choices, default=State.DUE)
    due_at = models.DateTimeField(default=timezone.now)
    tries = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name_plural = "alert deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["alert", "channel", "recipient"], nulls_distinct=False, name="alert_delivery_once"
            )
        ]
        indexes = [models.Index(fields=["state", "due_at"], name="alert_delivery_due")]

    def __str__(self) -> str:
        return f"{self.channel} {self.state}"


class Notification(models.Model):
    """Something told to one user in the app."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="notifications")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notifications", db_index=False)
    alert = models.ForeignKey(
        Alert, on_delete=models.CASCADE, null=True, blank=True, related_name="notifications"
    )
    text = models.CharField(max_length=200)
    url = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "alert"], condition=models.Q(alert__isnull=False), name="notification_once"
            )
        ]
        indexes = [models.Index(fields=["user", "read_at", "-created_at"], name="notification_inbox")]

    def __str__(self) -> str:
        return f"notification {self.pk}"
