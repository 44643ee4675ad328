from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from leads.models import Tenant
from matching.listings import display
from matching.models import Listing, Media, StandardStatus
from tests.matching.factories import FeedFactory, ListingFactory, OfficeFactory

pytestmark = pytest.mark.django_db


def seen(**facts: Any) -> display.Shown:
    shown = display.shown(ListingFactory(**facts))
    assert shown is not None
    return shown


@pytest.mark.parametrize(
    "facts",
    [
        {"internet_entire_listing_display_yn": False},
        {"standard_status": StandardStatus.DELETE},
        {"standard_status": StandardStatus.INCOMPLETE},
        {"office": {"is_in_idx": False}},
    ],
)
def test_what_may_not_be_displayed_is_not_and_the_query_agrees(facts: dict[str, Any], tenant: Tenant) -> None:
    facts = dict(facts)
    if office := facts.pop("office", None):
        facts["list_office"] = OfficeFactory(tenant=tenant, **office)
    listing = ListingFactory(tenant=tenant, **facts)

    assert display.shown(listing) is None
    assert not Listing.objects.displayable().exists()


def test_unknown_flags_hide_nothing(tenant: Tenant) -> None:
    listing = ListingFactory(tenant=tenant, list_office=OfficeFactory(tenant=tenant, is_in_idx=None))

    shown = display.shown(listing)
    assert shown is not None
    assert shown.place.line == f"{listing.unparsed_address}, Harborview, WA 98001"
    assert (shown.place.latitude, shown.place.is_exact) == (47.6, True)
    assert (shown.may_value, shown.may_comment) == (True, True)
    assert list(Listing.objects.displayable()) == [listing]


def test_a_withheld_address_is_masked_with_its_pin_and_in_the_remarks(tenant: Tenant) -> None:
    shown = seen(
        tenant=tenant,
        internet_address_display_yn=False,
        unparsed_address="812 Alder Street #4, Harborview",
        latitude=47.612345,
        longitude=-122.345678,
        public_remarks="Come and see 812  alder street by the river.",
    )

    assert shown.place == display.Place(
        "Address withheld by the seller", "Harborview", "WA", "98001", 47.61, -122.35, False
    )
    assert shown.remarks == "Come and see (address withheld) by the river."


def test_valuations_and_comments_may_be_forbidden(tenant: Tenant) -> None:
    shown = seen(
        tenant=tenant,
        internet_automated_valuation_display_yn=False,
        internet_consumer_comment_yn=False,
    )
    assert (shown.may_value, shown.may_comment) == (False, False)


@pytest.mark.parametrize(
    ("status", "state", "expected"),
    [
        (StandardStatus.CLOSED, "WA", Decimal(500_000)),
        (StandardStatus.CLOSED, "TX", None),
        (StandardStatus.PENDING, "WA", None),
    ],
)
def test_what_it_sold_for_is_told_once_closed_and_where_it_is_public(
    status: str, state: str, expected: Decimal | None, tenant: Tenant
) -> None:
    facts = {"standard_status": status, "state_or_province": state, "close_price": Decimal(500_000)}
    assert seen(tenant=tenant, **facts).close_price == expected


def test_every_listing_says_whose_it_is(tenant: Tenant) -> None:
    feed = FeedFactory(tenant=tenant, name="Northwest MLS", disclaimer="Deemed reliable, not guaranteed.")
    shown = seen(
        tenant=tenant,
        feed=feed,
        list_agent_full_name="Jordan Reyes",
        list_office_phone="206-555-0100",
        modification_timestamp=datetime(2026, 11, 2, tzinfo=UTC),
    )

    told = shown.attribution
    assert told.line == (
        "Listed by Jordan Reyes, Harbor Realty, 206-555-0100 · Source: Northwest MLS · Updated Nov 2, 2026"
    )
    assert told.disclaimer == "Deemed reliable, not guaranteed."


def test_nothing_private_is_part_of_what_is_shown(tenant: Tenant) -> None:
    shown = seen(
        tenant=tenant,
        private={"PrivateRemarks": "secret code 1234"},
        other={"BuyerPays": "secret other"},
    )
    assert "secret" not in str(asdict(shown))


def test_photos_for_agents_only_stay_with_them() -> None:
    media = [
        Media(media_key="all"),
        Media(media_key="idx", permission=["IDX", "Agent Only"]),
        Media(media_key="agents", permission=["Agent Only"]),
        Media(media_key="private", permission=["Private"]),
    ]
    assert [each.media_key for each in display.media_for_clients(media)] == ["all", "idx"]
