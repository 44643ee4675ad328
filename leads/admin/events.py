"""Events, webhooks and the pipes; written by the product alone."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from leads.admin_site import RecordAdmin, TenantFilter, tenants_of
from leads.models import (
    Consumed,
    DeadLetter,
    Event,
    EventKey,
    GHLConnection,
    LiveCursor,
    LiveMessage,
    WebhookDelivery,
    WorkflowSecret,
)


@admin.register(Event)
class EventTable(RecordAdmin):
    list_display = ("id", "kind", "tenant", "lead", "occurred_at", "recorded_at", "source")
    list_filter = ("source", TenantFilter)
    list_select_related = ("tenant", "lead")
    search_number = ("pk", "lead_id")
    search_help_text = "The id of an event or of a lead."
    ordering = ("-recorded_at", "-id")


@admin.register(EventKey)
class EventKeyTable(RecordAdmin):
    list_display = ("id", "tenant", "key", "recorded_at")
    list_filter = (TenantFilter,)
    list_select_related = ("tenant",)
    search_exact = ("key",)


class OperatorsTable(RecordAdmin):
    """A table of the whole installation, which no tenant owns."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return tenants_of(request) is None

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return tenants_of(request) is None

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = self.model._default_manager.all()
        return rows if tenants_of(request) is None else rows.none()


@admin.register(Consumed)
class ConsumedTable(OperatorsTable):
    list_display = ("id", "group", "event_id", "consumed_at")
    search_number = ("event_id",)


@admin.register(DeadLetter)
class DeadLetterTable(RecordAdmin):
    list_display = (
        "id",
        "group",
        "stream",
        "tenant",
        "event_id",
        "delivery_id",
        "tries",
        "created_at",
        "resolved_at",
    )
    list_filter = (TenantFilter,)
    list_select_related = ("tenant",)
    search_exact = ("group", "stream")
    search_number = ("pk", "event_id", "delivery_id")


@admin.register(WebhookDelivery)
class WebhookDeliveryTable(RecordAdmin):
    list_display = ("id", "type", "tenant", "state", "received_at", "processed_at", "tries", "events")
    list_filter = ("state", "door", TenantFilter)
    list_select_related = ("tenant",)
    search_exact = ("webhook_id",)
    search_help_text = "A whole webhook id, or the id of a delivery."


@admin.register(WorkflowSecret)
class WorkflowSecretTable(RecordAdmin):
    """Made on the integrations page, where the secret is shown."""

    list_display = ("id", "tenant", "hint", "created_at", "expires_at")
    list_filter = (TenantFilter,)
    list_select_related = ("tenant",)
    exclude = ("digest",)


@admin.register(GHLConnection)
class GHLConnectionTable(RecordAdmin):
    """Connections, never their tokens."""

    list_display = (
        "id",
        "tenant",
        "user_type",
        "expires_at",
        "refreshed_at",
        "last_error_at",
        "daily_remaining",
    )
    list_filter = ("user_type", TenantFilter)
    list_select_related = ("tenant",)
    search_exact = ("company_id", "tenant__location_id")
    exclude = ("access_token", "refresh_token")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("access_token", "refresh_token")


@admin.register(LiveMessage)
class LiveMessageTable(RecordAdmin):
    list_display = ("id", "tenant", "number", "type", "audience", "event_at", "at")
    list_filter = ("type", TenantFilter)
    list_select_related = ("tenant",)
    search_number = ("pk", "number")


@admin.register(LiveCursor)
class LiveCursorTable(RecordAdmin):
    list_display = ("tenant", "last_number")
    list_filter = (TenantFilter,)
    list_select_related = ("tenant",)
    search_number = ("tenant_id",)
