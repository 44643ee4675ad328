from __future__ import annotations

import pytest

from matching.listings import dictionary
from matching.models import Listing, PropertyType, StandardStatus


def test_every_field_we_keep_has_a_column() -> None:
    columns = {field.attname: field for field in Listing._meta.concrete_fields}

    for field in dictionary.FIELDS.values():
        assert field.column in columns, field.name
        if field.length:
            assert field.length == (columns[field.column].max_length or field.length), field.name


def test_status_and_type_are_the_dictionary_s() -> None:
    assert set(dictionary.LOOKUPS["StandardStatus"]) == set(StandardStatus.values)
    assert set(dictionary.LOOKUPS["PropertyType"]) == set(PropertyType.values)
    assert len(dictionary.LOOKUPS["PropertySubType"]) == 31
    assert sum(len(values) for values in dictionary.LOOKUPS.values()) > 1_100


@pytest.mark.parametrize(
    ("lookup", "raw", "expected"),
    [
        ("StandardStatus", "Active Under Contract", "Active Under Contract"),
        ("StandardStatus", "ActiveUnderContract", "Active Under Contract"),
        ("StandardStatus", "Org.Reso.StandardStatus'ActiveUnderContract'", "Active Under Contract"),
        ("StandardStatus", "Cancelled", "Canceled"),
        ("StandardStatus", "Sold", "Closed"),
        ("StandardStatus", "Teleported", None),
        ("PropertySubType", "SingleFamilyResidence", "Single Family Residence"),
        ("PropertySubType", "condo", "Condominium"),
        ("ListingTerms", "Exchange1031", "1031 Exchange"),
        ("Levels", "MultiSplit", "Multi/Split"),
        ("Vegetation", "Ferns", "Ferns"),  # an open lookup: whatever it says
    ],
)
def test_display_strings_and_tokens_are_one(lookup: str, raw: str, expected: str | None) -> None:
    assert dictionary.standard_value(lookup, raw) == expected


@pytest.mark.parametrize(
    "name",
    ["PrivateRemarks", "ShowingContactPhone", "LockBoxType", "AccessCode", "OwnerName", "NWM_OccupantPhone"],
)
def test_what_stays_with_the_agents_is_known(name: str) -> None:
    assert dictionary.is_private(name)


def test_a_private_pool_is_no_secret() -> None:
    assert dictionary.FLAGS["PoolPrivateYN"] == "pool_private_yn"


@pytest.mark.parametrize(
    "name", ["BuyerBrokerageCompensation", "BuyerBrokerageCompensationType", "SubAgencyCompensation", "SOC"]
)
def test_offers_of_compensation_are_never_kept(name: str) -> None:
    assert dictionary.is_never_kept(name)


def test_nobody_is_told_for_whom_a_community_is() -> None:
    assert "SeniorCommunityYN" not in dictionary.FLAGS
