from __future__ import annotations

from django.db import models
from django.utils import timezone

from leads.models.leads import Lead
from leads.models.tenants import Tenant, User


class Channel(models.TextChoices):
    SMS = "SMS", "Text message"
    EMAIL = "Email", "E-mail"
    CALL = "CALL", "Call"
    VOICEMAIL = "VoiceMail", "Voicemail"
    WHATSAPP = "WhatsApp", "WhatsApp"
    FACEBOOK = "FB", "Facebook"
    INSTAGRAM = "IG", "Instagram"
    GOOGLE = "GMB", "Google Business"
    LIVE_CHAT = "Live_Chat", "Live chat"
    CUSTOM = "Custom", "Custom"
    PORTAL = "Portal", "Portal"


class Conversation(models.Model):
    """A thread between a lead and the team, as GoHighLevel keeps it."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="conversations", db_index=False)
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="conversations")
    ghl_id = models.CharField(max_length=64, blank=True)
    unread_count = models.PositiveIntegerField(default=0)
    last_message_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-last_message_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "ghl_id"], condition=~models.Q(ghl_id=""), name="conversation_unique"
            )
        ]
        indexes = [models.Index(fields=["tenant", "-last_message_at"], name="conversation_recent")]

    def __str__(self) -> str:
        return f"conversation {self.pk}"


class Message(models.Model):
    """One message, in or out."""

    class Direction(models.TextChoices):
        INBOUND = "inbound", "Inbound"
        OUTBOUND = "outbound", "Outbound"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="messages", db_index=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="messages", db_index=False)
    event_id = models.BigIntegerField(null=True, blank=True, help_text="The event that brought it.")
    ghl_id = models.CharField(max_length=64, blank=True)
    direction = models.CharField(max_length=8, choices=Direction.choices)
    channel = models.CharField(max_length=12, choices=Channel.choices)
    subject = models.CharField(max_length=300, blank=True)
    body = models.TextField(blank=True)
    status = models.CharField(max_length=30, blank=True)
    sent_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    sent_at = models.DateTimeField()
    duration = models.PositiveIntegerField(null=True, blank=True, help_text="Seconds, of a call.")

    class Meta:
        ordering = ["sent_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "ghl_id"], condition=~models.Q(ghl_id=""), name="message_unique"
            )
        ]
        indexes = [models.Index(fields=["lead", "sent_at"], name="message_thread")]

    def __str__(self) -> str:
        return f"message {self.pk}"
