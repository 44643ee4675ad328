"""Rows of matching."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from matching.models import (
    Exposure,
    Feed,
    Listing,
    Member,
    Office,
    PropertyType,
    Ranking,
    StandardStatus,
    Surface,
    TextFinding,
)
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
