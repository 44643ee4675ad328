"""The listings table, its CSV and one listing's page, through the door."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from leads.events import Kind
from leads.models import Lead, Tenant
from matching.models import (
    AreaKind,
    MarketSnapshot,
    Media,
    OpenHouse,
    PriceChange,
    StandardStatus,
    StatusChange,
)
from matching.selectors import listings as listing_selectors
from tests.conftest import Freeze
from tests.factories import EventFactory, LeadFactory
from tests.matching.factories import (
    ListingFactory,
    ListingPlacesFactory,
    NeighborhoodFactory,
    TextFindingFactory,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)
LIST = reverse("matching:listing-list")


@pytest.fixture(autouse=True)
def _clock(freeze: Freeze) -> None:
    freeze(NOW)


def found(browser: Client, **asked: str) -> list[str]:
    """Return the keys of the listings a query finds, in their order."""
    answer = browser.get(LIST, asked)
    assert answer.status_code == 200
    return [row.listing.listing_key for row in answer.context["rows"]]


def read(browser: Client, url: str = LIST, **asked: str) -> str:
    answer = browser.get(url, asked)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def page_of(listing: Any) -> str:
    return reverse("matching:listing", args=[listing.pk])


@pytest.fixture
def homes(tenant: Tenant) -> None:
    """Five homes that differ in what can be filtered by."""
    ListingFactory(tenant=tenant, listing_key="house", on_market_date=date(2026, 11, 19))
    ListingFactory(
        tenant=tenant,
        listing_key="condo",
        listing_id="4471",
        property_sub_type="Condominium",
        list_price=Decimal(310_000),
        bedrooms_total=1,
        bathrooms_full=None,
        bathrooms_half=None,
        bathrooms_total_integer=1,
        living_area=Decimal(700),
        year_built=2015,
        city="Kent",
        postal_code="98030",
        subdivision_name="North Bank",
        unparsed_address="9 Quarry Court",
        on_market_date=date(2026, 9, 1),
    )
    ListingFactory(
        tenant=tenant,
        listing_key="manor",
        list_price=Decimal(1_250_000),
        bedrooms_total=5,
        bathrooms_full=3,
        bathrooms_half=1,
        living_area=Decimal(4200),
        year_built=1921,
        standard_status=StandardStatus.COMING_SOON,
        on_market_date=None,
        listing_contract_date=date(2026, 11, 17),
    )
    ListingFactory(tenant=tenant, listing_key="pending", standard_status=StandardStatus.PENDING)
    ListingFactory(tenant=tenant, listing_key="gone", standard_status=StandardStatus.DELETE)


@pytest.mark.usefixtures("homes")
@pytest.mark.parametrize(
    ("asked", "keys"),
    [
        ({}, ["house", "condo", "manor"]),
        ({"status": "any"}, ["house", "pending", "condo", "manor"]),
        ({"status": "off"}, ["pending"]),
        ({"status": "Coming Soon"}, ["manor"]),
        ({"price_max": "$400k"}, ["condo"]),
        ({"price_min": "525,000"}, ["house", "manor"]),
        ({"beds": "3"}, ["house", "manor"]),
        ({"baths": "1"}, ["house", "condo", "manor"]),
        ({"baths": "2.5"}, ["house", "manor"]),
        ({"baths": "3"}, ["manor"]),
        ({"type": "Condominium"}, ["condo"]),
        ({"area": "kent"}, ["condo"]),
        ({"area": "98030"}, ["condo"]),
        ({"area": "NORTH BANK"}, ["condo"]),
        ({"area": "Nowhere"}, []),
        ({"size_min": "4000"}, ["manor"]),
        ({"size_max": "1000"}, ["condo"]),
        ({"year_min": "2000"}, ["condo"]),
        ({"year_max": "1950"}, ["manor"]),
        ({"listed": "1"}, ["house"]),
        ({"listed": "7"}, ["house", "manor"]),
        ({"listed": "over-60"}, ["condo"]),
        ({"q": "quarry"}, ["condo"]),
        ({"q": "9 quar"}, ["condo"]),
        ({"q": "4471"}, ["condo"]),
        ({"q": "condo"}, ["condo"]),
        ({"q": "'"}, []),
        ({"ordering": "price"}, ["condo", "house", "manor"]),
        ({"ordering": "-price"}, ["manor", "house", "condo"]),
        ({"ordering": "-size"}, ["manor", "house", "condo"]),
        ({"ordering": "-beds"}, ["manor", "house", "condo"]),
        ({"ordering": "listed"}, ["condo", "house", "manor"]),
    ],
)
def test_the_address_filters_and_orders(agent_client: Client, asked: dict[str, str], keys: list[str]) -> None:
    assert found(agent_client, **asked) == keys


def test_a_neighborhood_that_is_drawn_is_an_area(agent_client: Client, tenant: Tenant) -> None:
    hood = NeighborhoodFactory(tenant=tenant, name="Foxglove")
    listing = ListingFactory(tenant=tenant, listing_key="inside")
    ListingFactory(tenant=tenant)
    ListingPlacesFactory(listing=listing, neighborhood=hood)

    assert found(agent_client, area="foxglove") == ["inside"]
    assert "Foxglove, Harborview, 98001" in read(agent_client)


def test_what_cannot_be_read_is_told_and_left_out(agent_client: Client, homes: None) -> None:
    seen = read(agent_client, price_max="cheap", year_min="12", ordering="colour")

    assert "Price to: " in seen
    assert "Built from: " in seen
    assert "It was not used." in seen
    assert found(agent_client, price_max="cheap", ordering="colour") == ["house", "condo", "manor"]


def test_where_none_match_each_filter_is_offered_to_be_dropped(agent_client: Client, homes: None) -> None:
    seen = read(agent_client, price_max="400k", beds="3", page="2")

    assert "No listing matches these filters" in seen
    assert '<a class="link" href="?price_max=400k">Without 3+ beds</a>' in seen
    assert '<a class="link" href="?beds=3">Without Price to $400,000</a>' in seen
    drops = agent_client.get(LIST, {"price_max": "400k", "beds": "3"}).context["drops"]
    assert [(drop.words, drop.count) for drop in drops] == [("Price to $400,000", 2), ("3+ beds", 1)]


def test_empty_lists_say_what_will_come(agent_client: Client, tenant: Tenant) -> None:
    assert "No listings yet" in read(agent_client)

    ListingFactory(tenant=tenant, standard_status=StandardStatus.CLOSED)

    assert "Nothing is on the market" in read(agent_client)


def test_a_row_tells_price_change_rooms_and_days(agent_client: Client, tenant: Tenant) -> None:
    ListingFactory(tenant=tenant, list_price=Decimal(500_000), on_market_date=date(2026, 11, 2))
    ListingFactory(
        tenant=tenant,
        standard_status=StandardStatus.CLOSED,
        close_price=Decimal(610_000),
        days_on_market=41,
        unparsed_address="",
        listing_id="77",
    )

    seen = read(agent_client, status="any")

    assert "$500,000" in seen
    assert "▼ $25,000<span" in seen
    assert "3 bd · 2.5 ba · 1,850 sq ft" in seen
    assert "18 days" in seen
    assert "$610,000" in seen
    assert "41 days" in seen
    assert "Listing 77" in seen


def test_the_count_is_bounded_and_pages_end_there(
    agent_client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing_selectors, "MOST_COUNTED", 60)
    ListingFactory.create_batch(70, tenant=tenant)

    first, last = agent_client.get(LIST), agent_client.get(LIST, {"page": "2"})

    assert '<span class="chip num align-[2px] ml-1">60+</span>' in first.content.decode()
    assert len(first.context["rows"]) == 50
    assert len(last.context["rows"]) == 10
    assert "Only the first 60 are paged through" in last.content.decode()


def test_the_table_asks_few_questions(agent_client: Client, tenant: Tenant) -> None:
    for number in range(60):
        ListingPlacesFactory(listing=ListingFactory(tenant=tenant, listing_key=f"n{number}"))
    agent_client.get(LIST)  # areas and kinds of homes are kept from here on

    with CaptureQueriesContext(
        connection,
    ) as asked:
        agent_client.get(LIST)

    ours = [query["sql"] for query in asked if "matching_listing" in query["sql"]]
    assert len(ours) == 2, ours  # found and counted, shown


def test_another_tenants_listings_are_not_found(agent_client: Client, other_tenant: Tenant) -> None:
    listing = ListingFactory(tenant=other_tenant, city="Elsewhere")

    assert found(agent_client, status="any") == []
    assert found(agent_client, area="Elsewhere") == []
    assert agent_client.get(page_of(listing)).status_code == 404


def test_csv_holds_what_is_filtered_and_nothing_private(
    agent_client: Client, tenant: Tenant, homes: None
) -> None:
    ListingFactory(
        tenant=tenant,
        listing_key="=1+1",
        bedrooms_total=6,
        private={"private_remarks": "Gate code 4711"},
        other={"BuyerBrokerageCompensation": "3%"},
    )

    answer = agent_client.get(reverse("matching:listing-export"), {"beds": "5", "ordering": "price"})
    text = b"".join(answer).decode()

    rows = list(csv.DictReader(io.StringIO(text)))
    assert answer.headers["Content-Disposition"] == 'attachment; filename="listings-2026-11-20.csv"'
    assert [row["listing_key"] for row in rows] == ["'=1+1", "manor"]
    assert rows[1]["list_price"] == "1250000.00"
    assert rows[1]["on_market_date"] == ""
    assert "4711" not in text
    assert "3%" not in text
    assert "ompensation" not in text


def test_a_listing_tells_its_facts_and_history(agent_client: Client, tenant: Tenant) -> None:
    listing = ListingFactory(
        tenant=tenant,
        list_price=Decimal(499_000),
        original_list_price=Decimal(525_000),
        public_remarks="A bright home.",
        association_fee=Decimal(120),
        association_fee_frequency="Monthly",
        flags={"pool_private_yn": True, "waterfront_yn": False},
        features={"appliances": ["Dishwasher", "Range"]},
        private={"private_remarks": "Call first.", "buyer_brokerage_compensation": "3%"},
        other={"BuyerBrokerageCompensation": "3%"},
    )
    PriceChange.objects.create(
        listing=listing, old=Decimal(525_000), new=Decimal(499_000), changed_at=NOW - timedelta(days=3)
    )
    StatusChange.objects.create(listing=listing, old="", new="Active", changed_at=NOW - timedelta(days=18))
    OpenHouse.objects.create(
        listing=listing,
        open_house_key="1",
        starts_at=NOW + timedelta(days=1),
        ends_at=NOW + timedelta(days=1, hours=2),
    )
    OpenHouse.objects.create(
        listing=listing,
        open_house_key="0",
        starts_at=NOW - timedelta(days=7),
        ends_at=NOW - timedelta(days=6),
    )

    seen = read(agent_client, page_of(listing))

    assert "A bright home." in seen
    assert "−$26,000 since the first price" in seen  # noqa: RUF001
    assert "Price lowered to <b" in seen
    assert "<dt>Association fee</dt><dd>$120, monthly</dd>" in seen
    assert "<dt>Appliances</dt><dd>Dishwasher, Range</dd>" in seen
    assert "<dt>Stated as there</dt><dd>Pool private</dd>" in seen
    assert "<dt>Stated as not there</dt><dd>Waterfront</dd>" in seen
    assert "Sat 21 Nov, 15:00–17:00" in seen
    assert "13 Nov" not in seen
    assert "Call first." in seen
    assert "3%" not in seen
    labels = [row.label for row in agent_client.get(page_of(listing)).context["prices"].rows]
    assert labels == ["2 Nov 2026", "17 Nov 2026", "20 Nov 2026"]


def test_a_listing_tells_what_clients_may_see(agent_client: Client, tenant: Tenant) -> None:
    listing = ListingFactory(
        tenant=tenant,
        state_or_province="TX",
        standard_status=StandardStatus.CLOSED,
        close_price=Decimal(500_000),
        internet_address_display_yn=False,
        internet_consumer_comment_yn=False,
        list_agent_full_name="Jordan Reyes",
        originating_system_name="Northwest MLS",
    )

    seen = read(agent_client, page_of(listing))
    rules = agent_client.get(page_of(listing)).context["rules"]

    assert [(rule.what, rule.is_shown) for rule in rules] == [
        ("The listing", True),
        ("Its address", False),
        ("Estimates of its value", True),
        ("Comments", False),
        ("What it sold for", False),
        ("Private remarks and offers of compensation", False),
    ]
    assert "Listed by Jordan Reyes, Harbor Realty · Source: Northwest MLS" in seen


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"internet_entire_listing_display_yn": False}, "The seller opted out of display on the internet."),
        ({"standard_status": StandardStatus.INCOMPLETE}, "Its status is incomplete."),
    ],
)
def test_a_listing_clients_may_not_see_says_why(
    agent_client: Client, tenant: Tenant, fields: dict[str, Any], why: str
) -> None:
    listing = ListingFactory(tenant=tenant, **fields)
    assert [rule.why for rule in agent_client.get(page_of(listing)).context["rules"]] == [why]


def test_a_listing_names_who_is_interested_once_each(
    agent_client: Client, tenant: Tenant, other_tenant: Tenant
) -> None:
    listing = ListingFactory(tenant=tenant, listing_key="k1", listing_id="4471")

    def did(lead: Lead, kind: Kind, name: str, hours: int) -> None:
        EventFactory(
            tenant=lead.tenant,
            lead=lead,
            kind=kind,
            data={"listing_key": name},
            occurred_at=NOW - timedelta(hours=hours),
        )

    maya, tom, ann = (LeadFactory(tenant=tenant, first_name=name) for name in ("Maya", "Tom", "Ann"))
    did(maya, Kind.LISTING_VIEWED, "k1", 1)
    did(maya, Kind.LISTING_SAVED, "4471", 5)
    did(tom, Kind.LISTING_SAVED, "k1", 9)
    did(tom, Kind.LISTING_UNSAVED, "k1", 2)
    did(ann, Kind.SHOWING_REQUESTED, "k1", 30)
    did(LeadFactory(tenant=other_tenant), Kind.LISTING_SAVED, "k1", 1)

    context = agent_client.get(page_of(listing)).context

    assert [(one.lead.first_name, one.words) for one in context["people"]] == [
        ("Ann", "asked to see it"),
        ("Maya", "saved it"),
    ]
    assert context["people_count"] == 2


def test_a_listing_asks_for_what_is_around_and_links_to_it_without_script(
    agent_client: Client, tenant: Tenant
) -> None:
    listing = ListingFactory(tenant=tenant)
    around = reverse("matching:listing-around", args=[listing.pk])

    seen = read(agent_client, page_of(listing))

    assert f'hx-get="{around}"' in seen
    assert f'<a class="link" href="{around}">What is around it</a>' in seen
    assert reverse("matching:listing-buyers", args=[listing.pk]) in seen


def test_a_listing_shows_its_photos_findings_and_market(agent_client: Client, tenant: Tenant) -> None:
    listing = ListingFactory(tenant=tenant, public_remarks="Close to top rated schools.")
    assert "A drawing: no photo of this home is at hand" in read(agent_client, page_of(listing))
    photo = Media.objects.create(listing=listing, media_key="1", media_alteration="Staged")
    TextFindingFactory(listing=listing)
    MarketSnapshot.objects.create(
        tenant=tenant,
        area_kind=AreaKind.CITY,
        area="Harborview",
        month=date(2026, 10, 1),
        as_of=date(2026, 10, 31),
        figures={"homes_for_sale": [52, 52]},
        computed_at=NOW,
    )

    seen = read(agent_client, page_of(listing))

    assert reverse("pictures:photo", args=[listing.pk, photo.pk]) in seen
    assert "Altered: Staged" in seen
    assert "1 sentence to look at" in seen
    assert "Judges schools instead of naming them." in seen
    assert "Market of Harborview" in seen
    assert "?area=city%3AHarborview" in seen
