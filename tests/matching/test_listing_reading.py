from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.listings import dictionary
from matching.listings.attached import read_member, read_office
from matching.listings.reading import Reading, Refused, read_listing
from tests.matching.records import record

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def read(**changes: Any) -> Reading:
    reading = read_listing(record(**changes), now=NOW)
    assert isinstance(reading, Reading), reading
    return reading


def test_a_record_of_a_feed_is_read() -> None:
    reading = read()

    assert (reading.listing_key, reading.originating_system_name) == ("NW1", "Northwest MLS")
    assert reading.modified_at == datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
    assert reading.columns["standard_status"] == "Active"
    assert reading.columns["mls_status"] == "For sale"
    assert reading.columns["list_price"] == Decimal("525000.00")
    assert reading.columns["on_market_date"] == date(2026, 11, 2)
    assert reading.columns["lot_size_square_feet"] == Decimal("10890.00")
    assert (reading.columns["bathrooms_full"], reading.columns["bathrooms_half"]) == (2, 1)
    assert reading.flags == {"waterfront_yn": False, "garage_yn": True}
    assert reading.features == {"appliances": ["Dishwasher", "Range"]}
    assert reading.agent is not None
    assert reading.agent.columns["member_full_name"] == "Jordan Reyes"
    assert reading.faults == ()
    assert reading.unknown == ()


def test_private_fields_stand_apart_and_compensation_nowhere() -> None:
    reading = read(
        OwnerName="Some Owner", Nested={"BuyerBrokerageCompensation": "3", "GateCode": "1", "Rooms": 2}
    )

    assert reading.private == {
        "PrivateRemarks": "Key under the mat.",
        "LockBoxType": ["Electronic"],
        "OwnerName": "Some Owner",
    }
    assert reading.other["Nested"] == {"Rooms": 2}
    assert "ompensation" not in json.dumps([dict(reading.other), dict(reading.private)])
    assert "ompensation" not in str(reading.columns)


def test_units_become_square_feet() -> None:
    reading = read(
        LivingArea=100, LivingAreaUnits="SquareMeters", LotSizeAcres=..., LotSizeArea=2, LotSizeUnits="Acres"
    )

    assert reading.columns["living_area"] == Decimal("1076.39")
    assert reading.columns["lot_size_square_feet"] == Decimal("87120.00")
    assert read(LotSizeSquareFeet=6_000).columns["lot_size_square_feet"] == Decimal("6000.00")


@pytest.mark.parametrize(
    ("said", "parts"),
    [
        ("2.5", {"bathrooms_full": 2, "bathrooms_half": 1}),
        (3, {"bathrooms_full": 3}),
        (1.75, {"bathrooms_full": 1, "bathrooms_three_quarter": 1}),
        (2.25, {"bathrooms_full": 2, "bathrooms_one_quarter": 1}),
    ],
)
def test_a_total_of_bathrooms_is_parted(said: Any, parts: dict[str, int]) -> None:
    reading = read(BathroomsFull=..., BathroomsHalf=..., BathroomsTotalDecimal=said)

    assert {name: value for name, value in reading.columns.items() if name in parts} == parts


def test_null_is_unknown_and_absent_says_nothing() -> None:
    reading = read(WaterfrontYN=None, NewConstructionYN=None, YearBuilt=None, Stories=...)

    assert reading.flags["waterfront_yn"] is None
    assert reading.columns["new_construction_yn"] is None
    assert reading.columns["year_built"] is None
    assert "stories" not in reading.columns


def test_unknown_values_are_kept_and_told() -> None:
    reading = read(PropertySubType="Yurt", Appliances="Dishwasher, Toaster Wall", NWM_Local="kept")

    assert reading.columns["property_sub_type"] == "Yurt"
    assert reading.features["appliances"] == ["Dishwasher", "Toaster Wall"]
    assert reading.unknown == (("PropertySubType", "Yurt"), ("Appliances", "Toaster Wall"))
    assert reading.other["NWM_Local"] == "kept"


@pytest.mark.parametrize(
    ("changes", "field", "what"),
    [
        ({"ListPrice": 0}, "ListPrice", "The price is zero or below."),
        ({"ListPrice": -5}, "ListPrice", "The price is zero or below."),
        ({"ListPrice": "call us"}, "ListPrice", "This is not a number."),
        ({"ListPrice": True}, "ListPrice", "This is not a number."),
        ({"ListPrice": "1e999999999"}, "ListPrice", "ListPrice is out of range."),
        ({"StandardStatus": "Teleported"}, "StandardStatus", "The status is not one of the dictionary's."),
        ({"StandardStatus": 7}, "StandardStatus", "The status is not one of the dictionary's."),
        ({"StandardStatus": ..., "MlsStatus": ...}, "StandardStatus", "The status is missing."),
        ({"ListingKey": ..., "ListingId": ...}, "ListingKey", "The record has no key."),
        ({"ListingKey": ["a"], "ListingId": ...}, "ListingKey", "The record has no key."),
        ({"ModificationTimestamp": "soon"}, "ModificationTimestamp", "This is not a date."),
        (
            {"ModificationTimestamp": "2031-01-01T00:00:00Z"},
            "ModificationTimestamp",
            "ModificationTimestamp is in the future, or long ago.",
        ),
        (
            {"InternetEntireListingDisplayYN": "perhaps"},
            "InternetEntireListingDisplayYN",
            "This is neither yes nor no.",
        ),
    ],
)
def test_what_is_essential_refuses_the_record(changes: dict[str, Any], field: str, what: str) -> None:
    refused = read_listing(record(**changes), now=NOW)

    assert isinstance(refused, Refused)
    (fault,) = refused.faults
    assert (fault.field, fault.what, fault.kept) == (field, what, False)
    assert fault.mend


@pytest.mark.parametrize(
    ("changes", "column", "field"),
    [
        ({"BedroomsTotal": "many"}, "bedrooms_total", "BedroomsTotal"),
        ({"BedroomsTotal": 999}, "bedrooms_total", "BedroomsTotal"),
        ({"BedroomsTotal": 2.5}, "bedrooms_total", "BedroomsTotal"),
        ({"YearBuilt": 2099}, "year_built", "YearBuilt"),
        ({"YearBuilt": 12}, "year_built", "YearBuilt"),
        ({"OnMarketDate": "yesterdayish"}, "on_market_date", "OnMarketDate"),
        ({"ClosePrice": 0}, "close_price", "ClosePrice"),
        ({"Latitude": 0, "Longitude": 0}, "latitude", "Latitude"),
        ({"Latitude": None}, "longitude", "Latitude"),
        ({"Latitude": 95}, "longitude", "Latitude"),
        ({"NewConstructionYN": "perhaps"}, "new_construction_yn", "NewConstructionYN"),
    ],
)
def test_what_is_not_essential_is_left_out_and_told(changes: dict[str, Any], column: str, field: str) -> None:
    reading = read(**changes)

    assert reading.columns[column] is None
    (fault,) = reading.faults
    assert (fault.field, fault.kept) == (field, True)


def test_what_could_not_be_read_is_kept_as_it_came() -> None:
    assert read(BedroomsTotal="many").other["BedroomsTotal"] == "many"


def test_an_address_is_made_of_its_parts() -> None:
    reading = read(
        UnparsedAddress=...,
        StreetNumber="12",
        StreetDirPrefix="N",
        StreetName="Pine",
        StreetSuffix="St",
        UnitNumber=4,
    )

    assert reading.columns["unparsed_address"] == "12 N Pine St #4"


def test_states_are_their_letters() -> None:
    assert read(StateOrProvince="washington").columns["state_or_province"] == "WA"
    assert read(StateOrProvince="Atlantis").faults[0].field == "StateOrProvince"


def test_media_and_open_houses_are_read() -> None:
    reading = read(
        Media=[
            {
                "MediaKey": "m2",
                "MediaURL": "https://img.example.com/2.jpg",
                "Order": 2,
                "MediaAlteration": ["VirtualStagingItemAddition"],
                "Permission": ["Public"],
            },
            {
                "MediaKey": "m1",
                "MediaURL": "https://img.example.com/1.jpg",
                "Order": 1,
                "MediaAlteration": "None",
            },
            {"MediaKey": "m3", "MediaURL": "javascript:alert(1)"},
        ],
        OpenHouses=[
            {
                "OpenHouseKey": "o1",
                "OpenHouseStartTime": "2026-11-21T18:00:00Z",
                "OpenHouseEndTime": "2026-11-21T20:00:00Z",
                "OpenHouseType": "Public",
            },
            {
                "OpenHouseKey": "o2",
                "OpenHouseStartTime": "2026-11-21T18:00:00Z",
                "OpenHouseEndTime": "2026-11-21T18:00:00Z",
            },
        ],
    )

    assert reading.media is not None
    assert [(each.media_key, each.order, each.media_alteration) for each in reading.media] == [
        ("m2", 2, "Virtual Staging - Item Addition"),
        ("m1", 1, ""),
    ]
    assert reading.open_houses is not None
    assert [house.open_house_key for house in reading.open_houses] == ["o1"]
    assert {fault.field for fault in reading.faults} == {"Media", "OpenHouses"}


def test_addresses_of_photos_stand_in_one_cell_of_a_file() -> None:
    reading = read(MediaURL="https://a.example/1.jpg | https://a.example/2.jpg not-a-link")

    assert reading.media is not None
    assert [each.media_url for each in reading.media] == [
        "https://a.example/1.jpg",
        "https://a.example/2.jpg",
    ]


def test_agents_and_offices_have_records_of_their_own() -> None:
    office = read_office({"OfficeKey": "O1", "OfficeName": "Harbor", "IDXOfficeParticipationYN": False})
    member = read_member(
        {"MemberKey": "A1", "MemberFirstName": "Jo", "MemberLastName": "Ray", "OfficeKey": "O1"}
    )

    assert office is not None
    assert office.columns["is_in_idx"] is False
    assert member is not None
    assert (member.columns["member_full_name"], member.office_key) == ("Jo Ray", "O1")
    assert read_member({"MemberFullName": "No key"}) is None
    assert read_office("no record") is None


PLAIN: Any = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
ANYTHING: Any = PLAIN | st.lists(PLAIN, max_size=3) | st.dictionaries(st.text(max_size=5), PLAIN, max_size=3)


@given(
    st.dictionaries(
        st.sampled_from([*dictionary.targets(), "Media", "OpenHouses", "Local", "OwnerName"]),
        ANYTHING,
        max_size=6,
    )
)
def test_nothing_untrusted_breaks_the_reader(changes: dict[str, Any]) -> None:
    read = read_listing({**record(), **changes}, now=NOW)

    assert isinstance(read, Reading | Refused)
    if isinstance(read, Reading):
        json.dumps(
            [dict(read.flags), dict(read.features), dict(read.private), dict(read.other)], allow_nan=False
        )


@given(ANYTHING)
def test_no_record_at_all_is_refused(record: Any) -> None:
    assert isinstance(read_listing(record, now=NOW), Refused)
