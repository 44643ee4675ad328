from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from leads.events import Kind
from leads.models import Event, Tenant
from matching import services, tasks
from matching.models import (
    Listing,
    MarketSnapshot,
    PriceChange,
    PropertyType,
    StandardStatus,
    StatusChange,
)
from tests.matching.factories import ListingFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 10, 15, tzinfo=UTC)
OCTOBER = date(2026, 10, 1)


def home(tenant: Tenant, **fields: Any) -> Listing:
    """Return a listing that is on the books since spring."""
    listing: Listing = ListingFactory(
        tenant=tenant, **{"recorded_at": datetime(2026, 4, 1, 12, tzinfo=UTC), **fields}
    )
    return listing


def sold(tenant: Tenant, contracted: str, closed: str, **fields: Any) -> Listing:
    return home(
        tenant,
        standard_status=StandardStatus.CLOSED,
        on_market_date=fields.pop("started", date.fromisoformat(contracted) - timedelta(days=20)),
        purchase_contract_date=date.fromisoformat(contracted),
        close_date=date.fromisoformat(closed),
        **{"close_price": 500_000, "list_price": 500_000, "original_list_price": None, **fields},
    )


def take(tenant: Tenant, now: datetime = NOW, **how: Any) -> services.Taken:
    return services.take_snapshots(tenant=tenant, now=now, **how)


def snapshot(tenant: Tenant, month: date = OCTOBER, kind: str = "city", **place: str) -> MarketSnapshot:
    told = {"area": "" if kind == "everywhere" else "Harborview", "property_sub_type": "", **place}
    return MarketSnapshot.objects.get(tenant=tenant, area_kind=kind, month=month, **told)


def told(row: MarketSnapshot, *names: str) -> list[tuple[float, int] | None]:
    return [None if (one := row.figure(name)) is None else (round(one.value, 4), one.count) for name in names]


def a_market(tenant: Tenant) -> None:
    """Six months with a sale each, two more in October; then four homes for sale and one under contract."""
    for month in range(5, 11):
        sold(tenant, f"2026-{month:02}-03", f"2026-{month:02}-25")
    sold(tenant, "2026-10-01", "2026-10-30", close_price=510_000, started=date(2026, 8, 2))
    sold(
        tenant,
        "2026-10-02",
        "2026-10-31",
        close_price=480_000,
        list_price=490_000,
        started=date(2026, 9, 22),
        property_sub_type="Condominium",
        living_area=None,
    )
    for _ in range(4):
        home(tenant, on_market_date=date(2026, 10, 5))
    home(
        tenant,
        standard_status=StandardStatus.PENDING,
        on_market_date=date(2026, 10, 5),
        purchase_contract_date=date(2026, 10, 20),
    )


def test_a_month_is_worked_out_from_listings_as_they_stood(tenant: Tenant) -> None:
    a_market(tenant)

    take(tenant)

    row = snapshot(tenant)
    assert (row.as_of, row.source, row.computed_at, row.is_over) == (
        date(2026, 10, 31),
        "listings",
        NOW,
        True,
    )
    assert told(row, "homes_for_sale", "homes_pending", "homes_sold", "new_listings", "new_pending") == [
        (4, 4),
        (1, 1),
        (3, 3),
        (5, 5),
        (4, 4),
    ]
    assert told(row, "window_months", "months_of_supply", "absorption_rate", "months_of_supply_pending") == [
        (3, 5),
        (2.4, 5),
        (0.4167, 4),
        (1, 4),
    ]
    assert told(row, "chance_30", "chance_60", "chance_90") == [(0.3408, 5), (0.5654, 5), (0.7135, 5)]
    assert told(row, "days_on_market", "cumulative_days_on_market") == [(20, 3), (20, 3)]
    assert told(row, "sale_to_list", "sale_to_list_mean", "sale_to_list_aggregate", "share_above_list") == [
        (1, 3),
        (0.9999, 3),
        (1, 3),
        (0.3333, 3),
    ]
    assert told(row, "sale_price", "price_per_square_foot", "list_price", "price_drop_share") == [
        (500_000, 3),
        (round(505_000 / 1850, 4), 2),
        (525_000, 4),
        (0, 4),
    ]
    condos = snapshot(tenant, property_sub_type="Condominium")
    assert told(condos, "homes_sold", "homes_for_sale", "days_on_market", "price_per_square_foot") == [
        (1, 1),
        (0, 0),
        (10, 1),
        None,
    ]


def test_areas_are_everywhere_towns_zip_codes_and_neighborhoods(tenant: Tenant) -> None:
    a_market(tenant)
    home(tenant, city="HARBORVIEW", subdivision_name="Mill Row", postal_code="98002")

    take(tenant, datetime(2026, 11, 30, 15, tzinfo=UTC))

    rows = MarketSnapshot.objects.filter(month=date(2026, 11, 1), property_sub_type="")
    assert {(row.area_kind, row.area, row.figures["homes_for_sale"][0]) for row in rows} == {
        ("everywhere", "", 5),
        ("city", "Harborview", 5),
        ("postal_code", "98001", 4),
        ("postal_code", "98002", 1),
        ("neighborhood", "Mill Row", 1),
    }


def test_six_months_of_sales_count_once_they_are_known(tenant: Tenant) -> None:
    a_market(tenant)
    sold(tenant, "2026-04-01", "2026-04-20")

    take(tenant)

    assert told(snapshot(tenant), "window_months", "months_of_supply") == [(6, 8), (3, 8)]


def test_the_past_is_told_by_histories(tenant: Tenant) -> None:
    sold(tenant, "2026-05-03", "2026-05-25")
    one = home(
        tenant,
        standard_status=StandardStatus.WITHDRAWN,
        on_market_date=date(2026, 6, 10),
        list_price=470_000,
        original_list_price=500_000,
    )
    for at, old, new in (
        ("2026-06-10", "", "Active"),
        ("2026-08-11", "Active", "Withdrawn"),
    ):
        StatusChange.objects.create(
            listing=one, old=old, new=new, changed_at=datetime.fromisoformat(f"{at}T18:00Z")
        )
    PriceChange.objects.create(
        listing=one, old=500_000, new=470_000, changed_at=datetime(2026, 7, 15, tzinfo=UTC)
    )

    take(tenant)

    by_month = {
        row.month.month: told(row, "homes_for_sale", "list_price", "price_drop_share")
        for row in MarketSnapshot.objects.filter(area_kind="everywhere", property_sub_type="")
    }
    assert by_month[6] == [(1, 1), (500_000, 1), (0, 1)]
    assert by_month[7] == [(1, 1), (470_000, 1), (1, 1)]
    assert by_month.get(8) is None
    assert by_month[4] == [(1, 1), (500_000, 1), (0, 1)]
    assert sorted(by_month) == [4, 5, 6, 7]


def test_days_are_the_teams(tenant: Tenant) -> None:
    one = home(tenant, standard_status=StandardStatus.PENDING, on_market_date=date(2026, 5, 1))
    late = datetime(2026, 11, 1, 3, 30, tzinfo=UTC)  # the last evening of October in New York
    StatusChange.objects.create(listing=one, old="Active", new="Pending", changed_at=late)

    take(tenant)

    assert told(snapshot(tenant), "homes_pending", "new_pending") == [(1, 1), (1, 1)]


def test_leases_land_and_deleted_homes_make_no_market(tenant: Tenant) -> None:
    home(tenant, property_type=PropertyType.RESIDENTIAL_LEASE)
    home(tenant, property_type=PropertyType.LAND)
    home(tenant, standard_status=StandardStatus.DELETE)
    one = home(tenant, property_type=PropertyType.LAND)
    StatusChange.objects.create(listing=one, new="Active", changed_at=NOW)
    PriceChange.objects.create(listing=one, new=1, changed_at=NOW)

    assert take(tenant) == services.Taken(0, 0, 0)
    assert not MarketSnapshot.objects.exists()


def test_again_a_month_is_replaced_and_what_is_gone_goes(tenant: Tenant) -> None:
    a_market(tenant)
    take(tenant)
    before = MarketSnapshot.objects.count()

    again = take(tenant, NOW + timedelta(hours=1))
    assert (again.told, MarketSnapshot.objects.count()) == (0, before)

    Listing.objects.filter(standard_status=StandardStatus.ACTIVE).update(city="Quay")
    assert take(tenant, NOW + timedelta(hours=2)).told == 2

    assert told(snapshot(tenant, area="Quay"), "homes_for_sale") == [(4, 4)]
    assert told(snapshot(tenant), "homes_for_sale") == [(0, 0)]
    assert snapshot(tenant, date(2026, 7, 1)).computed_at == NOW  # long over, so as it was

    take(tenant, NOW + timedelta(hours=3), everything=True)
    assert snapshot(tenant, date(2026, 7, 1)).computed_at == NOW + timedelta(hours=3)


def test_a_month_that_is_over_is_told_once(tenant: Tenant) -> None:
    a_market(tenant)

    take(tenant)
    take(tenant, NOW + timedelta(days=1))

    events = [one.data for one in Event.objects.filter(kind=Kind.MARKET_UPDATED)]
    assert {(one["area"], one["month"]) for one in events} == {
        (area, f"2026-{month:02}-01") for area in ("All our listings", "Harborview") for month in range(4, 11)
    }
    assert next(one for one in events if (one["area"], one["month"]) == ("Harborview", "2026-10-01")) == {
        "source": "listings",
        "area": "Harborview",
        "month": "2026-10-01",
        "homes_for_sale": 4,
        "homes_sold": 3,
    }  # supply and days rest on too few homes to be told


def test_every_tenant_is_looked_at_by_night(tenant: Tenant, other_tenant: Tenant) -> None:
    a_market(tenant)

    tasks.take_all_snapshots()
    tasks.take_snapshots(0)

    assert set(MarketSnapshot.objects.values_list("tenant_id", flat=True)) == {tenant.pk}
