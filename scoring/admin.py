from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from scoring.models import LeadScore


@admin.register(LeadScore)
class LeadScoreAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic only in the stubs
    """Predictions are an audit trail: looked at, never changed."""

    list_display = (
        "id",
        "tenant",
        "lead_id",
        "event_id",
        "score",
        "tier",
        "mode",
        "model_version",
        "scored_at",
    )
    list_filter = ("tier", "mode")
    list_select_related = ("tenant",)
    search_fields = ("=lead__pk", "=event_id")
    show_full_result_count = False
    raw_id_fields = ("lead", "tenant")
    ordering = ("-pk",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
