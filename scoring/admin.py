from __future__ import annotations

from django.contrib import admin

from leads.admin_site import RecordAdmin, TenantFilter, tenant_filter
from scoring.models import (
    Experiment,
    ExperimentLead,
    LeadScore,
    MarketMonth,
    MortgageRate,
    PersonalWeights,
    ScoreOverride,
    ScoreQuery,
    ShadowScore,
    TierCuts,
    WeightSet,
    WeightSettings,
)


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


@admin.register(ScoreOverride)
class ScoreOverrideAdmin(RecordAdmin):
    """What agents said beside the score, which is set and withdrawn on the lead's page alone."""

    list_display = (
        "id",
        "tenant",
        "lead_id",
        "score",
        "model_score",
        "reason",
        "set_at",
        "end",
        "came",
        "graded_at",
    )
    list_filter = ("reason", "end", "came", TenantFilter)
    list_select_related = ("tenant",)
    search_number = ("pk", "lead_id")


@admin.register(TierCuts)
class TierCutsAdmin(RecordAdmin):
    """Where tiers begin under a model; chosen by the product."""

    list_display = ("tenant", "model", "hot_a_week", "least_precision", "made_at")
    list_filter = (TenantFilter,)
    list_select_related = ("tenant",)


@admin.register(WeightSet)
class WeightSetAdmin(RecordAdmin):
    """Versions of weights, which are changed on the scoring pages alone."""

    list_display = ("id", "tenant", "number", "state", "origin", "made_at", "published_at")
    list_filter = ("state", "origin", TenantFilter)
    list_select_related = ("tenant",)
    search_number = ("pk", "number")


@admin.register(WeightSettings)
class WeightSettingsAdmin(RecordAdmin):
    """What else turns a tenant's weights; switched on the scoring pages alone."""

    list_display = ("tenant", "uses_market", "uses_personal", "area", "market_at", "set_at")
    list_filter = ("uses_market", "uses_personal", TenantFilter)
    list_select_related = ("tenant",)


@admin.register(MarketMonth)
class MarketMonthAdmin(RecordAdmin):
    """Figures of a month, which are entered and imported on the scoring pages."""

    list_display = (
        "id",
        "tenant",
        "area",
        "month",
        "homes_for_sale",
        "homes_sold",
        "months_of_supply",
        "days_on_market",
        "made_at",
    )
    list_filter = (TenantFilter,)
    list_select_related = ("tenant",)
    search_exact = ("area",)
    search_help_text = "A number is looked up as an id, anything else as the whole name of an area."


@admin.register(MortgageRate)
class MortgageRateAdmin(RecordAdmin):
    """Mortgage rates by day, which are entered and imported on the scoring pages."""

    list_display = ("id", "tenant", "day", "rate", "made_at")
    list_filter = (TenantFilter,)
    list_select_related = ("tenant",)


@admin.register(Experiment)
class ExperimentAdmin(RecordAdmin):
    """Experiments, which are run on the scoring pages alone."""

    list_display = ("id", "tenant", "name", "tries", "target", "state", "started_at", "ended_at")
    list_filter = ("state", "tries", TenantFilter)
    list_select_related = ("tenant",)
    search_number = ("pk",)


@admin.register(ExperimentLead)
class ExperimentLeadAdmin(RecordAdmin):
    """Which lead got which variant, and when."""

    tenant_path = "experiment__tenant"
    list_display = ("id", "experiment_id", "lead_id", "is_treated", "entered_at")
    list_filter = ("is_treated", tenant_filter("experiment__tenant"))
    search_number = ("pk", "lead_id", "experiment_id")


@admin.register(ShadowScore)
class ShadowScoreAdmin(RecordAdmin):
    """What versions in shadow said, unseen."""

    tenant_path = "version__tenant"
    list_display = (
        "id",
        "version_id",
        "lead_id",
        "score",
        "tier",
        "standing_score",
        "standing_tier",
        "scored_at",
    )
    list_filter = (tenant_filter("version__tenant"),)
    search_number = ("pk", "lead_id", "version_id")


@admin.register(PersonalWeights)
class PersonalWeightsAdmin(RecordAdmin):
    """Weights fitted to single leads by the product."""

    list_display = ("lead_id", "tenant", "moments", "made_at")
    list_filter = (TenantFilter,)
    list_select_related = ("tenant",)
