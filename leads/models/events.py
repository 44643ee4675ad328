from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.utils import timezone

from leads.models.leads import Lead
from leads.models.tenants import Tenant, User


class Event(models.Model):
    """One fact: audit trail, timeline, outbox and replay source.

    The table is partitioned by month of `recorded_at` (migration 0001), so its key in the database is
    (id, recorded_at) and no foreign key points at it.
    """

    class Source(models.TextChoices):
        GHL = "ghl", "GoHighLevel"
        WORKFLOW = "workflow", "GoHighLevel workflow"
        PORTAL = "portal", "Portal"
        API = "api", "API"
        IMPORT = "import", "Import"
        HEARTHLINE = "hearthline", "Hearthline"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="events")
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, null=True, blank=True, related_name="events")
    kind = models.CharField(max_length=40, help_text="One of leads.events.Kind.")
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(default=timezone.now, editable=False)
    published_at = models.DateTimeField(null=True, blank=True)
    source = models.CharField(max_length=12, choices=Source.choices)
    actor = models.ForeignKey(
        User, on_delete=models.DO_NOTHING, db_constraint=False, null=True, blank=True, related_name="+"
    )
    is_backfill = models.BooleanField(default=False)
    dedupe_key = models.CharField(max_length=200, blank=True)
    correlation_id = models.CharField(max_length=36, blank=True)
    data = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-occurred_at", "-id"]
        indexes = [
            models.Index(fields=["tenant", "lead", "occurred_at"], name="event_timeline"),
            models.Index(fields=["tenant", "kind", "occurred_at"], name="event_by_kind"),
            models.Index(
                fields=["recorded_at"], condition=models.Q(published_at__isnull=True), name="event_outbox"
            ),
            BrinIndex(fields=["recorded_at"], autosummarize=True, name="event_recorded"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class EventKey(models.Model):
    """A dedupe key already used; inserted before its event."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=200)
    recorded_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "key"], name="event_key_unique")]

    def __str__(self) -> str:
        return f"key {self.pk}"


class Consumed(models.Model):
    """The ledger: a consumer group has done its work for an event, once."""

    group = models.CharField(max_length=20)
    event_id = models.BigIntegerField()
    consumed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event_id", "group"], name="consumed_once")]
        indexes = [models.Index(fields=["consumed_at"], name="consumed_age")]

    def __str__(self) -> str:
        return f"{self.group} {self.event_id}"


class DeadLetter(models.Model):
    """Work a group gave up on after several tries, with the error (never the payload)."""

    group = models.CharField(max_length=20)
    stream = models.CharField(max_length=60)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    event_id = models.BigIntegerField(null=True, blank=True)
    delivery_id = models.BigIntegerField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField()
    error = models.CharField(max_length=300)
    created_at = models.DateTimeField(default=timezone.now)
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(
                fields=["created_at"], condition=models.Q(resolved_at__isnull=True), name="dead_letter_open"
            )
        ]

    def __str__(self) -> str:
        return f"{self.group} {self.event_id or self.delivery_id}"
