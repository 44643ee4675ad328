from __future__ import annotations

import pytest
from django.db import IntegrityError

from leads.models import Tenant
from matching.models import Listing, StandardStatus
from tests.matching.factories import ListingFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ({"bathrooms_full": 2, "bathrooms_half": 1, "bathrooms_three_quarter": 1}, 3.25),
        ({"bathrooms_full": None, "bathrooms_half": None, "bathrooms_total_integer": 2}, 2.0),
        ({"bathrooms_full": None, "bathrooms_half": None}, None),
    ],
)
def test_baths_count_halves_as_halves(kinds: dict[str, int | None], expected: float | None) -> None:
    assert ListingFactory.build(**kinds).baths == expected


@pytest.mark.parametrize(
    "wrong", [{"list_price": 0}, {"latitude": 91.0}, {"longitude": None}, {"longitude": -181.0}]
)
def test_what_cannot_be_is_not_stored(wrong: dict[str, float | None]) -> None:
    with pytest.raises(IntegrityError):
        ListingFactory(**wrong)


def test_a_key_is_known_once_in_a_system(tenant: Tenant, other_tenant: Tenant) -> None:
    ListingFactory(tenant=tenant, listing_key="7")
    ListingFactory(tenant=tenant, listing_key="7", originating_system_name="Other MLS")
    ListingFactory(tenant=other_tenant, listing_key="7")

    with pytest.raises(IntegrityError):
        ListingFactory(tenant=tenant, listing_key="7")


def test_what_may_not_be_displayed_is_left_out(tenant: Tenant) -> None:
    shown = ListingFactory(tenant=tenant)
    ListingFactory(tenant=tenant, internet_entire_listing_display_yn=False)
    ListingFactory(tenant=tenant, standard_status=StandardStatus.DELETE)
    masked = ListingFactory(tenant=tenant, internet_address_display_yn=False)

    assert set(Listing.objects.displayable()) == {shown, masked}
    assert (shown.shows_address, masked.shows_address) == (True, False)
    assert Listing.objects.for_tenant(tenant).on_market().count() == 3
