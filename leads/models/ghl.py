from __future__ import annotations

from django.db import models
from django.utils import timezone

from leads.crypto import EncryptedTextField
from leads.models.leads import Lead
from leads.models.tenants import Tenant, User


class WebhookDelivery(models.Model):
    """One accepted webhook: the durable promise behind a 2xx, and what became of it."""

    class State(models.TextChoices):
        ACCEPTED = "accepted", "Waiting"
        PROCESSED = "processed", "Processed"
        IGNORED = "ignored", "Ignored"
        QUARANTINED = "quarantined", "Quarantined"
        FAILED = "failed", "Failed"

    class Door(models.TextChoices):
        APP = "app", "App webhook"
        WORKFLOW = "workflow", "Workflow webhook"

    webhook_id = models.CharField(max_length=80, unique=True)
    door = models.CharField(max_length=8, choices=Door.choices, default=Door.APP)
    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, null=True, blank=True, related_name="deliveries", db_index=False
    )
    location_id = models.CharField(max_length=64, blank=True)
    type = models.CharField(max_length=60, blank=True)
    state = models.CharField(max_length=11, choices=State.choices, default=State.ACCEPTED)
    reason = models.CharField(max_length=300, blank=True)
    body = models.TextField(help_text="The raw body, as signed.")
    sent_at = models.DateTimeField(null=True, blank=True, help_text="The envelope's timestamp.")
    received_at = models.DateTimeField(default=timezone.now, editable=False)
    processed_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    events = models.PositiveSmallIntegerField(default=0, help_text="Events it became.")
    correlation_id = models.CharField(max_length=36, blank=True)
    is_backfill = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "webhook deliveries"
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="delivery_recent"),
            models.Index(fields=["id"], condition=models.Q(state="accepted"), name="delivery_waiting"),
            models.Index(fields=["state", "-id"], name="delivery_by_state"),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk}"


class WorkflowSecret(models.Model):
    """A tenant's secret for workflow webhooks; only its digest is kept."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="workflow_secrets")
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=8, help_text="Its last characters, to tell two apart.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Set when a newer one replaced it.")

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"secret {self.pk} of {self.tenant_id}"


class GHLConnection(models.Model):
    """OAuth tokens for a location, or for the agency above it."""

    class UserType(models.TextChoices):
        LOCATION = "Location", "Location"
        COMPANY = "Company", "Company"

    tenant = models.OneToOneField(
        Tenant, on_delete=models.CASCADE, null=True, blank=True, related_name="connection"
    )
    company_id = models.CharField(max_length=64, blank=True)
    user_type = models.CharField(max_length=8, choices=UserType.choices)
    access_token = EncryptedTextField()
    refresh_token = EncryptedTextField(blank=True)
    expires_at = models.DateTimeField()
    scopes = models.JSONField(default=list)
    connected_at = models.DateTimeField(default=timezone.now)
    refreshed_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True)
    last_error_at = models.DateTimeField(null=True, blank=True)
    daily_remaining = models.PositiveIntegerField(null=True, blank=True)
    backfill_cursor = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["company_id"], condition=models.Q(user_type="Company"), name="connection_per_company"
            )
        ]

    def __str__(self) -> str:
        return f"connection {self.pk}"


class ContactEdit(models.Model):
    """Fields of a lead that were changed here and are to be written to its contact.

    It holds names only: the values are read when they are written, so that several edits may be one write
    and a repeat does no harm.
    """

    class State(models.TextChoices):
        DUE = "due", "Waiting"
        SENDING = "sending", "Being sent"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="contact_edits", db_index=False)
    fields = models.JSONField(default=list, help_text="Names of what changed, such as email or custom.beds.")
    by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    state = models.CharField(max_length=7, choices=State.choices, default=State.DUE)
    due_at = models.DateTimeField(default=timezone.now, help_text="While being sent: when to give it up.")
    tries = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["lead"], condition=models.Q(state="due"), name="contact_edit_one_due"
            ),
            models.UniqueConstraint(
                fields=["lead"], condition=models.Q(state="sending"), name="contact_edit_one_sending"
            ),
        ]
        indexes = [
            models.Index(fields=["lead", "-id"], name="contact_edit_latest"),
            models.Index(
                fields=["due_at"],
                condition=models.Q(state__in=["due", "sending"]),
                name="contact_edit_open",
            ),
        ]

    def __str__(self) -> str:
        return f"edit {self.pk} of lead {self.lead_id}"
