"""Trained models; made, promoted and rolled back by the product's own commands and pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from leads.admin_site import RecordAdmin, TenantFilter
from leads.models import ModelRun, ModelVersion


@admin.register(ModelVersion)
class ModelVersionTable(RecordAdmin):
    """Versions without tenant are the market's, which superusers alone see."""

    list_display = ("id", "name", "tenant", "engine", "state", "target", "leads", "positives", "made_at")
    list_filter = ("engine", "state", TenantFilter)
    list_select_related = ("tenant",)
    search_exact = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("artifact")


@admin.register(ModelRun)
class ModelRunTable(RecordAdmin):
    list_display = ("id", "tenant", "engine", "work", "state", "told", "begun_at")
    list_filter = ("work", "state", TenantFilter)
    list_select_related = ("tenant",)
