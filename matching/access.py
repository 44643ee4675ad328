"""Matching's own objects as a request may see them; leads come from `leads.access`."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest

from leads.access import managed_tenant, membership_of, team_tenant, tenant_of
from leads.models import Lead
from matching.models import (
    AgencyLink,
    Listing,
    Neighborhood,
    PlaceImport,
    SavedSearch,
    SentListing,
    TextFinding,
)
from matching.models.listings import ListingQuerySet

M = TypeVar("M", bound=Model)


def listings_for(request: HttpRequest) -> ListingQuerySet:
    """Return the tenant's listings: the team all of them, clients those that may be displayed."""
    rows = Listing.objects.for_tenant(tenant_of(request))
    membership = membership_of(request)
    return rows if membership is not None and membership.is_team else rows.displayable()


def get_listing(request: HttpRequest, pk: int) -> Listing:
    return _one(listings_for(request), pk)


def get_search(request: HttpRequest, pk: int, lead: Lead) -> SavedSearch:
    """Return a saved search of a lead the request may see."""
    return _one(SavedSearch.objects.filter(tenant=team_tenant(request), lead=lead), pk)


def get_sent(request: HttpRequest, pk: int, lead: Lead) -> SentListing:
    """Return a home that was sent to a lead the request may see."""
    rows = SentListing.objects.filter(tenant=team_tenant(request), lead=lead)
    return _one(rows.select_related("listing", "sent_by"), pk)


def text_findings_for(request: HttpRequest) -> QuerySet[TextFinding]:
    """Return what was found in the tenant's texts, the newest first."""
    rows = TextFinding.objects.filter(tenant=team_tenant(request)).order_by("-pk")
    return rows.select_related("listing", "overridden_by", "checked_by")


def get_text_finding(request: HttpRequest, pk: int) -> TextFinding:
    return _one(text_findings_for(request), pk)


def areas_for(request: HttpRequest) -> QuerySet[Neighborhood]:
    """Return the tenant's areas by name."""
    return Neighborhood.objects.filter(tenant=team_tenant(request)).order_by("name", "pk")


def get_area(request: HttpRequest, slug: str) -> Neighborhood:
    try:
        return areas_for(request).get(slug=slug)
    except Neighborhood.DoesNotExist as error:
        raise Http404 from error


def place_imports_for(request: HttpRequest) -> QuerySet[PlaceImport]:
    """Return the tenant's files of places, the newest first, for those who manage it."""
    rows = PlaceImport.objects.filter(tenant=managed_tenant(request)).order_by("-pk")
    return rows.defer("content").select_related("by")


def get_place_import(request: HttpRequest, pk: int) -> PlaceImport:
    return _one(place_imports_for(request), pk)


def agency_links_for(request: HttpRequest) -> QuerySet[AgencyLink]:
    """Return the tenant's links to police agencies, for those who manage it."""
    return AgencyLink.objects.filter(tenant=managed_tenant(request))


def get_agency_link(request: HttpRequest, pk: int) -> AgencyLink:
    return _one(agency_links_for(request), pk)


def _one(rows: QuerySet[M], pk: int) -> M:
    try:
        return rows.get(pk=pk)
    except rows.model.DoesNotExist as error:  # type: ignore[attr-defined]
        raise Http404 from error
