from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from leads.models import Event, Tenant, User
from matching.listings.reading import Reading, read_listing
from matching.models import (
    Feed,
    Listing,
    Media,
    Member,
    Office,
    OpenHouse,
    PriceChange,
    StandardStatus,
    StatusChange,
)
from matching.services import Stored, store_listings
from tests.matching.factories import FeedFactory
from tests.matching.records import record

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LATER = "2026-11-10T08:00:00Z"
PHOTO = {"MediaKey": "m1", "MediaURL": "https://img.example.com/1.jpg", "Order": 1}


def reading(number: int = 1, **changes: Any) -> Reading:
    read = read_listing(record(number, **changes), now=NOW)
    assert isinstance(read, Reading), read
    return read


def store(tenant: Tenant, *readings: Reading, now: datetime = NOW, **options: Any) -> Stored:
    return store_listings(tenant=tenant, readings=readings, now=now, **options)


def told(kind: str) -> list[dict[str, Any]]:
    return [event.data for event in Event.objects.filter(kind=kind).order_by("pk")]


def test_a_first_batch_is_stored_and_told_in_one_event(tenant: Tenant) -> None:
    feed = FeedFactory(tenant=tenant)

    stored = store(
        tenant, reading(1), reading(2), reading(3, StandardStatus="Closed"), feed=feed, backfill=True
    )

    assert (stored.created, stored.updated, stored.unchanged) == (3, 0, 0)
    first = Listing.objects.get(listing_key="NW1")
    assert (first.tenant, first.feed, first.list_price) == (tenant, feed, Decimal("525000.00"))
    assert first.features == {"appliances": ["Dishwasher", "Range"]}
    assert first.flags == {"waterfront_yn": False, "garage_yn": True}
    assert first.private["PrivateRemarks"] == "Key under the mat."
    assert first.list_agent == Member.objects.get(member_key="A7")
    assert first.list_office == Office.objects.get(office_key="O1")
    assert Member.objects.get().office == Office.objects.get()
    (event,) = Event.objects.filter(kind="listing.added")
    on_market = Listing.objects.exclude(standard_status="Closed").order_by("pk").values_list("pk", flat=True)
    assert event.data == {"listing_ids": list(on_market), "feed_id": feed.pk}
    assert (event.lead, event.is_backfill, event.tenant) == (None, True, tenant)
    assert StatusChange.objects.filter(old="").count() == 3


def test_the_same_batch_again_changes_nothing(tenant: Tenant) -> None:
    readings = [reading(n, Media=[PHOTO]) for n in range(5)]
    store(tenant, *readings)
    before = list(Listing.objects.order_by("pk").values())

    stored = store(tenant, *reversed(readings), now=NOW + timedelta(hours=1))

    assert (stored.created, stored.updated, stored.unchanged) == (0, 0, 5)
    assert list(Listing.objects.order_by("pk").values()) == before
    assert len(told("listing.added")) == 1
    assert told("listing.changed") == []


def test_price_and_status_leave_a_trace_and_one_event(tenant: Tenant) -> None:
    store(tenant, reading(1), reading(2))

    stored = store(
        tenant,
        reading(1, ListPrice=499_000, ModificationTimestamp=LATER),
        reading(2, StandardStatus="Pending", ModificationTimestamp=LATER),
    )

    one, two = Listing.objects.order_by("listing_key")
    assert (stored.updated, stored.unchanged) == (2, 0)
    assert (one.list_price, one.previous_list_price) == (Decimal(499_000), Decimal(525_000))
    price = PriceChange.objects.get()
    assert (price.listing, price.old, price.new) == (one, Decimal(525_000), Decimal(499_000))
    assert price.changed_at == datetime(2026, 11, 10, 8, 0, tzinfo=UTC)
    status = StatusChange.objects.get(listing=two, new="Pending")
    assert (status.old, status.changed_at) == ("Active", datetime(2026, 11, 10, 8, 0, tzinfo=UTC))
    assert told("listing.changed") == [
        {
            "listings": [
                {"id": one.pk, "price": [525000.0, 499000.0]},
                {"id": two.pk, "status": ["Active", "Pending"]},
            ],
            "feed_id": None,
        }
    ]


def test_the_moments_of_the_record_date_its_changes(tenant: Tenant) -> None:
    store(tenant, reading(1))

    store(
        tenant,
        reading(
            1,
            ListPrice=499_000,
            PriceChangeTimestamp="2026-11-09T00:00:00Z",
            ModificationTimestamp=LATER,
        ),
    )

    assert PriceChange.objects.get().changed_at == datetime(2026, 11, 9, tzinfo=UTC)


def test_a_new_listing_tells_its_past_price(tenant: Tenant) -> None:
    store(tenant, reading(1, OriginalListPrice=550_000, PriceChangeTimestamp="2026-11-01T00:00:00Z"))

    change = PriceChange.objects.get()
    assert (change.old, change.new) == (Decimal(550_000), Decimal(525_000))


def test_pages_in_any_order_end_alike(tenant: Tenant, other_tenant: Tenant) -> None:
    steps = [
        reading(1),
        reading(1, ListPrice=499_000, ModificationTimestamp="2026-11-05T00:00:00Z"),
        reading(1, ListPrice=480_000, StandardStatus="Pending", ModificationTimestamp=LATER),
    ]
    for step in steps:
        store(tenant, step)
    for step in (steps[2], steps[0], steps[1], steps[2]):
        store(other_tenant, step)

    one, other = (Listing.objects.get(tenant=each) for each in (tenant, other_tenant))
    for name in ("list_price", "standard_status", "modification_timestamp"):
        assert getattr(one, name) == getattr(other, name)


def test_one_batch_may_hold_a_listing_twice(tenant: Tenant) -> None:
    stored = store(tenant, reading(1), reading(1, ListPrice=499_000, ModificationTimestamp=LATER))

    assert (stored.created, stored.updated, stored.unchanged) == (1, 0, 1)
    assert Listing.objects.get().list_price == Decimal(499_000)
    assert PriceChange.objects.count() == 1


def test_what_a_record_does_not_say_stays(tenant: Tenant) -> None:
    store(tenant, reading(1, Roof=["Metal"]))

    store(
        tenant,
        reading(1, YearBuilt=..., Appliances=..., BedroomsTotal=None, Roof=None, ModificationTimestamp=LATER),
    )

    listing = Listing.objects.get()
    assert (listing.year_built, listing.bedrooms_total) == (1994, None)
    assert listing.features == {"appliances": ["Dishwasher", "Range"]}


def test_a_file_without_times_is_stored_once(tenant: Tenant) -> None:
    store(tenant, reading(1, ModificationTimestamp=...))

    stored = store(tenant, reading(1, ModificationTimestamp=...), now=NOW + timedelta(days=1))

    assert stored.unchanged == 1
    assert Listing.objects.get().modification_timestamp == NOW


def test_deletes_are_kept_as_status_and_unknown_ones_are_counted(tenant: Tenant) -> None:
    store(tenant, reading(1))

    stored = store(
        tenant,
        reading(1, StandardStatus="Delete", ModificationTimestamp=LATER),
        reading(9, StandardStatus="Delete"),
    )

    assert (stored.updated, stored.deleted, stored.strays) == (1, 1, 1)
    assert Listing.objects.get().standard_status == StandardStatus.DELETE
    assert told("listing.changed")[0]["listings"][0]["status"] == ["Active", "Delete"]


def test_media_follow_the_record_and_uploads_stay(tenant: Tenant) -> None:
    other = {"MediaKey": "m2", "MediaURL": "https://img.example.com/2.jpg", "Order": 2}
    store(tenant, reading(1, Media=[PHOTO, other]))
    listing = Listing.objects.get()
    Media.objects.create(listing=listing, media_key="own", content=b"x", content_type="image/png")

    stored = store(
        tenant,
        reading(1, Media=[{**PHOTO, "ShortDescription": "Front"}]),
        now=NOW + timedelta(hours=1),
    )

    assert stored.updated == 1
    assert list(Media.objects.order_by("media_key").values_list("media_key", "short_description")) == [
        ("m1", "Front"),
        ("own", ""),
    ]
    listing.refresh_from_db()
    assert listing.updated_at == NOW + timedelta(hours=1)
    store(tenant, reading(1, ModificationTimestamp=LATER))
    assert Media.objects.count() == 2  # a record that says nothing of media takes none away


def test_open_houses_follow_the_record(tenant: Tenant) -> None:
    house = {
        "OpenHouseKey": "o1",
        "OpenHouseStartTime": "2026-11-21T18:00:00Z",
        "OpenHouseEndTime": "2026-11-21T20:00:00Z",
    }
    store(tenant, reading(1, OpenHouses=[house]))
    moved = {**house, "OpenHouseEndTime": "2026-11-21T21:00:00Z"}
    store(tenant, reading(1, OpenHouses=[moved]))

    assert OpenHouse.objects.get().ends_at == datetime(2026, 11, 21, 21, 0, tzinfo=UTC)
    store(tenant, reading(1, OpenHouses=[]))
    assert not OpenHouse.objects.exists()


def test_an_agent_s_own_record_outweighs_what_a_listing_says(tenant: Tenant) -> None:
    store(tenant, reading(1))
    Member.objects.update(member_full_name="Jordan B. Reyes", modification_timestamp=NOW)

    store(tenant, reading(2, ListAgentFullName="J Reyes"))

    assert Member.objects.get().member_full_name == "Jordan B. Reyes"


def test_tenants_do_not_see_one_another(tenant: Tenant, other_tenant: Tenant) -> None:
    store(tenant, reading(1))
    store(other_tenant, reading(1, ListPrice=1_000_000, ModificationTimestamp=LATER))

    assert Listing.objects.get(tenant=tenant).list_price == Decimal(525_000)
    assert Event.objects.filter(tenant=other_tenant, kind="listing.changed").count() == 0


def test_who_made_a_listing_stays_known(tenant: Tenant, agent: User, broker: User) -> None:
    store(tenant, reading(1), by=agent)
    store(tenant, reading(1, ListPrice=499_000, ModificationTimestamp=LATER), by=broker)

    assert Listing.objects.get().made_by == agent
    assert Event.objects.get(kind="listing.changed").actor == broker


def test_a_listing_that_came_back_is_missing_no_more(tenant: Tenant) -> None:
    feed: Feed = FeedFactory(tenant=tenant)
    store(tenant, reading(1), feed=feed)
    Listing.objects.update(missing_since=NOW)

    store(tenant, reading(1), feed=feed)

    assert Listing.objects.get().missing_since is None


def test_a_batch_costs_the_same_however_many_it_holds(
    tenant: Tenant, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(20):
        store(tenant, *(reading(n, Media=[PHOTO]) for n in range(200)))
    changed = [reading(n, ListPrice=499_000, ModificationTimestamp=LATER) for n in range(200)]
    with django_assert_max_num_queries(20):
        store(tenant, *changed)
