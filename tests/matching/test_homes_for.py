from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.utils import timezone

from leads.events import Kind
from leads.models import Lead, Tenant
from leads.services.events import record_event
from matching import features
from matching.homes import CONDITIONS, FINANCING
from matching.models import Listing, StandardStatus
from matching.selectors.homes import forget_homes, homes_for
from tests import factories
from tests.matching.factories import ListingFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _forget() -> None:
    forget_homes()


def write(listing: Listing, **fields: object) -> None:
    Listing.objects.filter(pk=listing.pk).update(**fields, updated_at=timezone.now())


def test_a_listing_becomes_a_row_of_columns(tenant: Tenant) -> None:
    listing = ListingFactory(
        tenant=tenant,
        original_list_price=Decimal(550_000),
        year_built=1960,
        year_built_effective=2015,
        association_fee=Decimal(300),
        association_fee_frequency="Quarterly",
        tax_annual_amount=Decimal(5_200),
        on_market_date=timezone.now().date() - timedelta(days=12),
        days_on_market=3,
        flags={"pool_private_yn": False, "waterfront_yn": True},
        features={
            "parking_features": ["Garage"],
            "property_condition": ["Updated/Remodeled"],
            "listing_terms": ["Cash", "FHA"],
        },
        other={"NetOperatingIncome": "18000"},
    )

    homes = homes_for(tenant)

    assert homes.pk.tolist() == [listing.pk]
    assert (homes.list_price[0], homes.price_cut[0], homes.baths[0]) == (525_000.0, 25_000.0, 2.5)
    assert (homes.year_built[0], homes.association_fee_monthly[0], homes.tax_annual[0]) == (2015, 100, 5200)
    assert (homes.days_on_market[0], homes.net_operating_income[0]) == (12.0, 18_000.0)
    assert CONDITIONS[homes.condition[0]] == "move-in"
    assert homes.listing_terms[0] == 1 << FINANCING.index("cash") | 1 << FINANCING.index("FHA")
    stated = dict(zip(features.KEYS, homes.features[0].tolist(), strict=True))
    assert (stated["garage"], stated["pool"], stated["waterfront"], stated["fireplace"]) == (1, 0, 1, -1)


def test_what_is_not_stated_is_not_a_number(tenant: Tenant) -> None:
    ListingFactory(
        tenant=tenant,
        list_price=None,
        original_list_price=None,
        latitude=None,
        longitude=None,
        bathrooms_full=None,
        bathrooms_half=None,
        living_area=None,
        year_built=None,
        on_market_date=None,
        association_fee=Decimal(900),
        association_fee_frequency="One Time",
    )

    homes = homes_for(tenant)

    for name in ("list_price", "price_cut", "latitude", "baths", "living_area", "year_built"):
        assert np.isnan(getattr(homes, name)[0]), name
    assert np.isnan(homes.association_fee_monthly[0])
    assert np.isnan(homes.days_on_market[0])
    assert homes.condition[0] == -1


def test_only_homes_on_the_market_that_may_be_shown_are_there(tenant: Tenant, other_tenant: Tenant) -> None:
    shown = ListingFactory(tenant=tenant)
    ListingFactory(tenant=tenant, standard_status=StandardStatus.PENDING)
    ListingFactory(tenant=tenant, internet_entire_listing_display_yn=False)
    ListingFactory(tenant=other_tenant)

    assert homes_for(tenant).pk.tolist() == [shown.pk]


def test_what_changed_is_read_anew_and_nothing_else_is_lost(tenant: Tenant) -> None:
    kept, sold, hidden = (ListingFactory(tenant=tenant) for _ in range(3))
    assert len(homes_for(tenant)) == 3

    write(sold, standard_status=StandardStatus.CLOSED)
    write(hidden, internet_entire_listing_display_yn=False)
    fresh = ListingFactory(tenant=tenant, list_price=Decimal(1))
    write(kept, list_price=Decimal(480_000))

    homes = homes_for(tenant)
    price = dict(zip(homes.pk.tolist(), homes.list_price.tolist(), strict=True))
    assert price == {kept.pk: 480_000.0, fresh.pk: 1.0}


def test_a_row_whose_transaction_ended_late_is_read(tenant: Tenant) -> None:
    ListingFactory(tenant=tenant)
    assert len(homes_for(tenant)) == 1

    late = ListingFactory(tenant=tenant, updated_at=timezone.now() - timedelta(minutes=2))
    ListingFactory(tenant=tenant)

    assert late.pk in homes_for(tenant).pk


def test_nothing_is_read_again_while_nothing_changed(
    tenant: Tenant, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    ListingFactory(tenant=tenant)
    first = homes_for(tenant)

    with django_assert_num_queries(2):  # type: ignore[operator]
        assert homes_for(tenant) is first


def test_people_who_saved_a_home_are_counted_once_each(lead: Lead) -> None:
    listing = ListingFactory(tenant=lead.tenant)
    other = factories.LeadFactory(tenant=lead.tenant)
    for who, ago in ((lead, 1), (lead, 2), (other, 3), (factories.LeadFactory(tenant=lead.tenant), 40)):
        record_event(
            tenant=lead.tenant,
            lead=who,
            kind=Kind.LISTING_SAVED,
            occurred_at=timezone.now() - timedelta(days=ago),
            data={"listing_key": listing.listing_key},
        )

    assert homes_for(lead.tenant).saves.tolist() == [2.0]
