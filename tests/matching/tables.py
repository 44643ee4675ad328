"""One row of every table of matching, for the tests of the admin."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from leads.models import Lead
from matching.models import (
    Criteria,
    Feed,
    FeedRun,
    Household,
    Listing,
    Match,
    Media,
    Member,
    Office,
    OpenHouse,
    PriceChange,
    SavedSearch,
    SentListing,
    StandardStatus,
    StatusChange,
)
from tests.matching import factories

NOW = timezone.now()

TABLES: dict[type[models.Model], Callable[[Lead, int], Any]] = {
    Feed: lambda lead, n: factories.FeedFactory(tenant=lead.tenant),
    FeedRun: lambda lead, n: FeedRun.objects.create(tenant=lead.tenant, source=f"{n}.csv"),
    Office: lambda lead, n: factories.OfficeFactory(tenant=lead.tenant),
    Member: lambda lead, n: factories.MemberFactory(tenant=lead.tenant),
    Listing: lambda lead, n: factories.ListingFactory(tenant=lead.tenant),
    PriceChange: lambda lead, n: PriceChange.objects.create(
        listing=factories.ListingFactory(tenant=lead.tenant), old=500_000, new=490_000, changed_at=NOW
    ),
    StatusChange: lambda lead, n: StatusChange.objects.create(
        listing=factories.ListingFactory(tenant=lead.tenant), new=StandardStatus.ACTIVE, changed_at=NOW
    ),
    Media: lambda lead, n: Media.objects.create(
        listing=factories.ListingFactory(tenant=lead.tenant), media_key=f"photo-{n}"
    ),
    Household: lambda lead, n: Household.objects.create(tenant=lead.tenant),
    Criteria: lambda lead, n: Criteria.objects.create(tenant=lead.tenant, lead=lead),
    SavedSearch: lambda lead, n: SavedSearch.objects.create(
        tenant=lead.tenant, lead=lead, name=f"search {n}", wants={}
    ),
    Match: lambda lead, n: Match.objects.create(
        tenant=lead.tenant,
        lead=lead,
        listing=factories.ListingFactory(tenant=lead.tenant),
        why=Match.Why.NEW,
        score=80,
        coverage=0.9,
        change_key=str(n),
    ),
    SentListing: lambda lead, n: SentListing.objects.create(
        tenant=lead.tenant, lead=lead, listing=factories.ListingFactory(tenant=lead.tenant)
    ),
    OpenHouse: lambda lead, n: OpenHouse.objects.create(
        listing=factories.ListingFactory(tenant=lead.tenant),
        open_house_key=f"open-{n}",
        starts_at=NOW,
        ends_at=NOW + timedelta(hours=2),
    ),
}
