from __future__ import annotations

from django.contrib import admin

from leads.admin_site import RecordAdmin, TenantFilter
from scoring.models import LeadScore


@admin.register(LeadScore)
class LeadScoreAdmin(RecordAdmin):
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
    list_filter = ("tier", "mode", TenantFilter)
    list_select_related = ("tenant",)
    search_number = ("pk", "lead_id", "event_id")
