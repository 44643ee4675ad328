from __future__ import annotations

from django.contrib import admin

from leads.admin_site import RecordAdmin, TenantFilter, tenant_filter
from scoring.models import LeadScore, ScoreQuery


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


@admin.register(ScoreQuery)
class ScoreQueryAdmin(RecordAdmin):
    """Questions of programs about past scores, and their answers."""

    tenant_path = "lead__tenant"
    list_display = ("id", "lead_id", "at", "model", "asked_at", "answered_at")
    list_filter = (tenant_filter("lead__tenant"),)
    search_number = ("pk", "lead_id")
