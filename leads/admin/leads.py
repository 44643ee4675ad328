"""Leads and what belongs to them; written by services, looked at here."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from leads.admin_site import RecordAdmin, TenantAdmin, TenantFilter, tenant_filter
from leads.models import (
    ContactEdit,
    CustomField,
    Enrichment,
    FeatureState,
    Identity,
    Lead,
    LeadImport,
    LeadMerge,
)
from leads.selectors.leads import matching


@admin.register(Lead)
class LeadTable(RecordAdmin):
    list_display = ("id", "name", "tenant", "tier", "score", "status", "assigned_to", "created_at")
    list_filter = ("status", "tier", "segment", TenantFilter)
    list_select_related = ("tenant", "assigned_to")
    search_fields = ("first_name", "last_name", "email", "phone")
    search_help_text = "Beginnings of words of a name, an e-mail address or a phone number; or an id."
    exclude = ("search",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        if term.isdecimal() and len(term) < 7:
            return queryset.filter(pk=int(term)), False
        return matching(queryset, term), False  # type: ignore[arg-type]


@admin.register(Identity)
class IdentityTable(RecordAdmin):
    list_display = ("id", "kind", "value", "lead", "tenant", "is_primary", "created_at")
    list_filter = ("kind", TenantFilter)
    list_select_related = ("lead", "tenant")
    search_exact = ("value",)
    search_number = ("pk", "lead_id")
    search_help_text = "A whole e-mail address, phone number or contact id; or the id of a lead."


@admin.register(LeadMerge)
class LeadMergeTable(RecordAdmin):
    list_display = ("id", "tenant", "survivor", "absorbed", "by", "merged_at", "undone_at")
    list_filter = (TenantFilter,)
    list_select_related = ("tenant", "survivor", "absorbed", "by")
    search_number = ("pk", "survivor_id", "absorbed_id")


@admin.register(CustomField)
class CustomFieldTable(TenantAdmin):
    managed = True
    list_display = ("name", "key", "data_type", "answers", "tenant")
    list_filter = ("data_type", TenantFilter)
    list_select_related = ("tenant",)
    search_exact = ("key", "ghl_id", "name")
    raw_id_fields = ("tenant",)


@admin.register(ContactEdit)
class ContactEditTable(RecordAdmin):
    tenant_path = "lead__tenant"
    list_display = ("id", "lead", "state", "tries", "due_at", "sent_at", "error")
    list_filter = ("state", tenant_filter("lead__tenant"))
    list_select_related = ("lead",)
    search_number = ("pk", "lead_id")


@admin.register(Enrichment)
class EnrichmentTable(RecordAdmin):
    tenant_path = "lead__tenant"
    list_display = ("id", "lead", "provider", "fetched_at", "error")
    list_filter = (tenant_filter("lead__tenant"),)
    list_select_related = ("lead",)
    search_exact = ("provider",)
    search_number = ("pk", "lead_id")


@admin.register(FeatureState)
class FeatureStateTable(RecordAdmin):
    tenant_path = "lead__tenant"
    list_display = ("lead", "version", "last_event_id", "last_occurred_at")
    list_filter = (tenant_filter("lead__tenant"),)
    list_select_related = ("lead",)
    search_number = ("lead_id",)


@admin.register(LeadImport)
class LeadImportTable(RecordAdmin):
    list_display = ("id", "tenant", "by", "state", "total", "done", "failed", "created_at", "ended_at")
    list_filter = ("state", TenantFilter)
    list_select_related = ("tenant", "by")
    exclude = ("content",)
