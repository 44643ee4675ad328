"""Matching's own objects as a request may see them; leads come from `leads.access`."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import Http404, HttpRequest

from leads.access import team_tenant
from matching.models import TextFinding


def text_findings_for(request: HttpRequest) -> QuerySet[TextFinding]:
    """Return what was found in the tenant's texts, the newest first."""
    rows = TextFinding.objects.filter(tenant=team_tenant(request)).order_by("-pk")
    return rows.select_related("listing", "overridden_by", "checked_by")


def get_text_finding(request: HttpRequest, pk: int) -> TextFinding:
    try:
        return text_findings_for(request).get(pk=pk)
    except TextFinding.DoesNotExist as error:
        raise Http404 from error
