"""Rows of matching."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from matching.models import (
    AgencyLink,
    Exposure,
    Feed,
    Listing,
    ListingPlaces,
    Member,
    Neighborhood,
    Office,
    PlaceImport,
    PlaceKind,
    PointOfInterest,
    PropertyType,
    Ranking,
    School,
    StandardStatus,
    Surface,
    TextFinding,
    TransitStop,
)
from matching.places.catalogue import Category
from tests.factories import LeadFactory, TenantFactory


class FeedFactory(DjangoModelFactory):
    class Meta:
        model = Feed

    tenant = factory.SubFactory(TenantFactory)
    name = factory.Sequence("Northwest MLS {}".format)
    url = "https://mls.example.com/odata"
    client_id = "client-id-secret"
    client_secret = "client-secret"
    access_token = "access-token-of-a-test"


class OfficeFactory(DjangoModelFactory):
    class Meta:
        model = Office

    tenant = factory.SubFactory(TenantFactory)
    office_key = factory.Sequence("office-{}".format)
    office_name = "Harbor Realty"


class MemberFactory(DjangoModelFactory):
    class Meta:
        model = Member

    tenant = factory.SubFactory(TenantFactory)
    member_key = factory.Sequence("member-{}".format)
    member_full_name = "Jordan Reyes"


class ListingFactory(DjangoModelFactory):
    """A house of three bedrooms that is on the market."""

    class Meta:
        model = Listing

    tenant = factory.SubFactory(TenantFactory)
    listing_key = factory.Sequence("key-{}".format)
    listing_id = factory.Sequence("MLS{}".format)
    standard_status = StandardStatus.ACTIVE
    property_type = PropertyType.RESIDENTIAL
    property_sub_type = "Single Family Residence"
    list_price = Decimal("525000.00")
    original_list_price = Decimal("525000.00")
    on_market_date = date(2026, 11, 2)
    unparsed_address = factory.Sequence("{} Alder Street".format)
    city = "Harborview"
    state_or_province = "WA"
    postal_code = "98001"
    latitude = 47.6
    longitude = -122.3
    bedrooms_total = 3
    bathrooms_full = 2
    bathrooms_half = 1
    living_area = Decimal("1850.00")
    lot_size_square_feet = Decimal("5000.00")
    year_built = 1994
    list_office_name = "Harbor Realty"


class RankingFactory(DjangoModelFactory):
    class Meta:
        model = Ranking

    lead = factory.SubFactory(LeadFactory)
    tenant = factory.SelfAttribute("lead.tenant")
    surface = Surface.PANEL
    digest = factory.Sequence("digest-{}".format)
    shown = 1
    shown_on = date(2026, 11, 2)
    shown_at = factory.LazyFunction(timezone.now)


class ExposureFactory(DjangoModelFactory):
    class Meta:
        model = Exposure

    ranking = factory.SubFactory(RankingFactory)
    tenant = factory.SelfAttribute("ranking.tenant")
    lead = factory.SelfAttribute("ranking.lead")
    listing = factory.SubFactory(ListingFactory, tenant=factory.SelfAttribute("..tenant"))
    surface = Surface.PANEL
    rank = 1
    shown_at = factory.LazyFunction(timezone.now)


class TextFindingFactory(DjangoModelFactory):
    """A warning in a listing's remarks that nobody has looked at."""

    class Meta:
        model = TextFinding

    listing = factory.SubFactory(ListingFactory)
    tenant = factory.SelfAttribute("listing.tenant")
    place = TextFinding.Place.REMARKS
    sentence = "Close to top rated schools."
    term = "top rated schools"
    category = "schools"
    severity = "warn"
    rule = "Judges schools instead of naming them."
    instead = "Name the assigned district and link to its page."


class PlaceImportFactory(DjangoModelFactory):
    class Meta:
        model = PlaceImport

    tenant = factory.SubFactory(TenantFactory)
    kind = PlaceKind.POIS
    file_name = "places.json"
    digest = factory.Sequence("{:064x}".format)
    source = "OpenStreetMap"
    source_date = date(2026, 11, 1)
    licence = "ODbL 1.0"
    state = PlaceImport.State.DONE


class PlaceFactory(DjangoModelFactory):
    class Meta:
        abstract = True

    tenant = factory.SubFactory(TenantFactory)
    external_id = factory.Sequence("node/{}".format)
    source = "OpenStreetMap"
    source_date = date(2026, 11, 1)
    licence = "ODbL 1.0"


class NeighborhoodFactory(PlaceFactory):
    """A square of a tenth of a degree around the listings of tests."""

    class Meta:
        model = Neighborhood

    name = factory.Sequence("Alder Heights {}".format)
    slug = factory.Sequence("alder-heights-{}".format)
    boundary = [[[[-122.4, 47.5], [-122.2, 47.5], [-122.2, 47.7], [-122.4, 47.7], [-122.4, 47.5]]]]
    square_miles = 129.0
    south, west, north, east = 47.5, -122.4, 47.7, -122.2


class SchoolFactory(PlaceFactory):
    class Meta:
        model = School

    name = factory.Sequence("Alder School {}".format)
    district = "Harborview Schools"
    latitude = 47.61
    longitude = -122.31


class PointOfInterestFactory(PlaceFactory):
    class Meta:
        model = PointOfInterest

    category = Category.GROCERY
    name = "Corner Grocery"
    latitude = 47.603
    longitude = -122.3


class TransitStopFactory(PlaceFactory):
    class Meta:
        model = TransitStop

    name = "Alder St & 5th Ave"
    mode = "bus"
    latitude = 47.602
    longitude = -122.3
    by_hour = [0] * 6 + [2] * 16 + [0] * 2
    departures = 32
    headway = 30.0
    lines = [{"line": "7", "name": "7", "mode": "bus", "ways": 1, "departures": 32}]
    service_date = date(2026, 11, 4)


class AgencyLinkFactory(DjangoModelFactory):
    class Meta:
        model = AgencyLink

    tenant = factory.SubFactory(TenantFactory)
    name = "Harborview Police"
    city = factory.Sequence("Harborview {}".format)
    state_or_province = "WA"
    url = "https://police.example.com/"
    checked_on = date(2026, 11, 1)


class ListingPlacesFactory(DjangoModelFactory):
    class Meta:
        model = ListingPlaces

    listing = factory.SubFactory(ListingFactory)
    tenant = factory.SelfAttribute("listing.tenant")
    latitude = 47.6
    longitude = -122.3
    computed_at = datetime(2026, 11, 20, tzinfo=UTC)
