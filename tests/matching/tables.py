"""One row of every table of matching, for the tests of the admin."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from leads.models import Lead
from matching.models import (
    AgencyLink,
    AreaGroup,
    AreaKind,
    Counterfactual,
    Criteria,
    Exposure,
    Feed,
    FeedRun,
    Household,
    Listing,
    ListingMapping,
    ListingPlaces,
    MarketSeries,
    MarketSnapshot,
    Match,
    Media,
    Member,
    Neighborhood,
    Office,
    OpenHouse,
    PlaceImport,
    PointOfInterest,
    PriceChange,
    Ranking,
    SavedSearch,
    School,
    SentListing,
    StandardStatus,
    StatusChange,
    TextFinding,
    TextsRead,
    TransitStop,
)
from tests.matching import factories

NOW = timezone.now()

TABLES: dict[type[models.Model], Callable[[Lead, int], Any]] = {
    Feed: lambda lead, n: factories.FeedFactory(tenant=lead.tenant),
    FeedRun: lambda lead, n: FeedRun.objects.create(tenant=lead.tenant, source=f"{n}.csv"),
    ListingMapping: lambda lead, n: ListingMapping.objects.create(tenant=lead.tenant, name=f"program {n}"),
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
    MarketSnapshot: lambda lead, n: MarketSnapshot.objects.create(
        tenant=lead.tenant,
        area_kind=AreaKind.CITY,
        area=f"Harborview {n}",
        month=date(2026, 10, 1),
        as_of=date(2026, 10, 31),
        figures={"homes_for_sale": [62, 62]},
        computed_at=NOW,
    ),
    MarketSeries: lambda lead, n: MarketSeries.objects.create(
        tenant=lead.tenant,
        region=f"Harborview {n}",
        measure=MarketSeries.Measure.HOMES_SOLD,
        day=date(2026, 10, 31),
        value=15,
        source="County records",
    ),
    Ranking: lambda lead, n: factories.RankingFactory(lead=lead),
    Exposure: lambda lead, n: factories.ExposureFactory(ranking__lead=lead),
    AreaGroup: lambda lead, n: AreaGroup.objects.create(tenant=lead.tenant, area=f"9800{n}", group="A"),
    TextFinding: lambda lead, n: factories.TextFindingFactory(listing__tenant=lead.tenant),
    TextsRead: lambda lead, n: TextsRead.objects.get_or_create(tenant=lead.tenant)[0],
    Counterfactual: lambda lead, n: Counterfactual.objects.create(
        tenant=lead.tenant, features="0" * 64, buyers=10, listings=40
    ),
    PlaceImport: lambda lead, n: factories.PlaceImportFactory(tenant=lead.tenant),
    Neighborhood: lambda lead, n: factories.NeighborhoodFactory(tenant=lead.tenant),
    School: lambda lead, n: factories.SchoolFactory(tenant=lead.tenant),
    PointOfInterest: lambda lead, n: factories.PointOfInterestFactory(tenant=lead.tenant),
    TransitStop: lambda lead, n: factories.TransitStopFactory(tenant=lead.tenant),
    AgencyLink: lambda lead, n: factories.AgencyLinkFactory(tenant=lead.tenant),
    ListingPlaces: lambda lead, n: factories.ListingPlacesFactory(listing__tenant=lead.tenant),
}
