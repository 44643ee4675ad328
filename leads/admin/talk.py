"""Conversations, alerts, notifications."""

from __future__ import annotations

from django.contrib import admin

from leads.admin_site import RecordAdmin, TenantAdmin, TenantFilter, tenant_filter
from leads.models import Alert, AlertDelivery, AlertSettings, Conversation, Message, Notification


@admin.register(Conversation)
class ConversationTable(RecordAdmin):
    list_display = ("id", "tenant", "lead", "unread_count", "last_message_at")
    list_filter = (TenantFilter,)
    list_select_related = ("tenant", "lead")
    search_exact = ("ghl_id",)
    search_number = ("pk", "lead_id")


@admin.register(Message)
class MessageTable(RecordAdmin):
    list_display = ("id", "tenant", "lead", "direction", "channel", "status", "sent_at")
    list_filter = ("direction", "channel", TenantFilter)
    list_select_related = ("tenant", "lead")
    search_exact = ("ghl_id",)
    search_number = ("pk", "lead_id")


@admin.register(AlertSettings)
class AlertSettingsTable(TenantAdmin):
    managed = True
    list_display = (
        "tenant",
        "hot_score",
        "warm_score",
        "steady_score",
        "reply_limit_minutes",
        "cooldown_minutes",
    )
    list_select_related = ("tenant",)
    search_exact = ("tenant__location_id",)
    search_number = ("tenant_id",)
    raw_id_fields = ("tenant",)


@admin.register(Alert)
class AlertTable(RecordAdmin):
    list_display = ("id", "kind", "tenant", "lead", "state", "assigned_to", "raised_at", "acknowledged_at")
    list_filter = ("kind", "state", TenantFilter)
    list_select_related = ("tenant", "lead", "assigned_to")
    search_number = ("pk", "lead_id")


@admin.register(AlertDelivery)
class AlertDeliveryTable(RecordAdmin):
    tenant_path = "alert__tenant"
    list_display = ("id", "alert", "channel", "recipient", "state", "due_at", "sent_at", "tries")
    list_filter = ("channel", "state", tenant_filter("alert__tenant"))
    list_select_related = ("alert", "recipient")
    search_number = ("pk", "alert_id")


@admin.register(Notification)
class NotificationTable(RecordAdmin):
    list_display = ("id", "tenant", "user", "text", "created_at", "read_at")
    list_filter = (TenantFilter,)
    list_select_related = ("tenant", "user")
    search_number = ("pk", "user_id", "alert_id")
