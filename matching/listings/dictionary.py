"""What the RESO Data Dictionary 2.0 calls the fields of a listing, and which values it knows."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib import resources
from typing import Any


class Type(StrEnum):
    """How the value of a field is read."""

    TEXT = "text"
    MONEY = "money"
    AREA = "area"
    DECIMAL = "decimal"
    WHOLE = "whole"
    DATE = "date"
    MOMENT = "moment"
    YES_NO = "yes or no"
    LOOKUP = "lookup"
    DEGREES = "degrees"


@dataclass(frozen=True, slots=True)
class Field:
    """A field we keep in a column: its name in the dictionary, how it is read, within which bounds."""

    name: str
    column: str
    type: Type
    length: int = 0
    low: float | None = None
    high: float | None = None
    lookup: str = ""
    essential: bool = False


def snake(name: str) -> str:
    """Return a name of the dictionary in snake case: PoolPrivateYN → pool_private_yn."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _fields(type_: Type, names: str, **bounds: object) -> list[Field]:
    return [Field(name, snake(name), type_, **bounds) for name in names.split()]  # type: ignore[arg-type]


def _texts(**lengths: int) -> list[Field]:
    return [Field(name, snake(name), Type.TEXT, length) for name, length in lengths.items()]


MAX_MONEY = 1e11
FIELDS: Mapping[str, Field] = {
    field.name: field
    for field in (
        *_texts(
            ListingId=255,
            MlsStatus=50,
            UnparsedAddress=255,
            UnitNumber=25,
            City=50,
            PostalCode=10,
            CountyOrParish=50,
            SubdivisionName=50,
            ParcelNumber=50,
            PropertyTimeZoneName=64,
            PublicRemarks=8_000,
            ListAgentFullName=150,
            ListOfficeName=255,
            ListOfficePhone=16,
            AttributionContact=80,
        ),
        Field("StateOrProvince", "state_or_province", Type.TEXT, 2),
        *_fields(Type.LOOKUP, "PropertyType PropertySubType", length=50),
        *_fields(Type.LOOKUP, "AssociationFeeFrequency", length=25, lookup="FeeFrequency"),
        *_fields(Type.MONEY, "ListPrice", low=1, high=MAX_MONEY, essential=True),
        *_fields(Type.MONEY, "OriginalListPrice PreviousListPrice ClosePrice", low=1, high=MAX_MONEY),
        *_fields(Type.MONEY, "AssociationFee TaxAnnualAmount", low=0, high=MAX_MONEY),
        *_fields(Type.MONEY, "ConcessionsAmount", low=0, high=999_999_999),
        *_fields(
            Type.DATE,
            "ListingContractDate OnMarketDate PurchaseContractDate CloseDate OffMarketDate",
        ),
        *_fields(Type.WHOLE, "DaysOnMarket CumulativeDaysOnMarket", low=0, high=100_000),
        *_fields(
            Type.WHOLE,
            "BedroomsTotal BathroomsFull BathroomsHalf BathroomsThreeQuarter BathroomsOneQuarter "
            "BathroomsTotalInteger",
            low=0,
            high=200,
        ),
        *_fields(Type.AREA, "LivingArea", low=50, high=1e9),
        *_fields(Type.AREA, "LotSizeSquareFeet", low=1, high=1e11),
        *_fields(Type.WHOLE, "YearBuilt YearBuiltEffective", low=1600),
        *_fields(Type.WHOLE, "TaxYear", low=1900),
        *_fields(Type.WHOLE, "Stories", low=0, high=200),
        *_fields(Type.DECIMAL, "GarageSpaces", low=0, high=500),
        *_fields(Type.YES_NO, "PropertyAttachedYN NewConstructionYN"),
        *_fields(
            Type.YES_NO,
            "InternetEntireListingDisplayYN InternetAddressDisplayYN InternetAutomatedValuationDisplayYN "
            "InternetConsumerCommentYN",
            essential=True,  # what cannot be read here could hide nothing
        ),
        *_fields(Type.DEGREES, "Latitude", low=-90, high=90),
        *_fields(Type.DEGREES, "Longitude", low=-180, high=180),
        *_fields(
            Type.MOMENT,
            "PhotosChangeTimestamp StatusChangeTimestamp PriceChangeTimestamp OriginalEntryTimestamp",
        ),
        *_fields(Type.MOMENT, "ModificationTimestamp", essential=True),
    )
}


def _data(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files("matching.data").joinpath(name).read_text("utf-8"))


_NAMES = _data("reso_fields.toml")
FLAGS: Mapping[str, str] = {name: snake(name) for name in _NAMES["flags"].split()}
"""Statements of yes or no kept in `flags`: field → its key there."""
FEATURES: Mapping[str, tuple[str, str]] = {
    name: (snake(name), "InteriorOrRoomFeatures" if name == "InteriorFeatures" else name)
    for name in _NAMES["features"].split()
}
"""Collections kept in `features`: field → its key there and its lookup."""
SYNONYMS: Mapping[str, str] = {
    synonym: name for name, words in _NAMES["synonyms"].items() for synonym in words.split()
}
"""What files call fields."""
STATES: Mapping[str, str] = _NAMES["states"]

_PRIVATE = re.compile(
    r"private(?:office)?remarks|agentremarks|officeremarks|confidential|showing|lock_?box|keysafe|access_?code"
    r"|gate_?code|alarm|occupant|owner|expirationdate|listingagreement|seller|tenantname|tenantphone",
    re.IGNORECASE,
)
_TYPED = re.compile(r"[\w.]+'(.+)'")  # Namespace.Type'Token', as servers with enumerations may write it
_NEVER = re.compile(r"compensation|commission|^so_?comp$|^soc$", re.IGNORECASE)

EXTRA = (
    "ListingKey",
    "OriginatingSystemName",
    "StandardStatus",
    "BathroomsTotalDecimal",
    "LotSizeAcres",
    "LotSizeArea",
    "LotSizeUnits",
    "LivingAreaUnits",
    "StreetNumber",
    "StreetDirPrefix",
    "StreetName",
    "StreetSuffix",
    "StreetDirSuffix",
    "ListAgentKey",
    "ListAgentMlsId",
    "ListAgentEmail",
    "ListAgentDirectPhone",
    "ListOfficeKey",
    "ListOfficeMlsId",
    "PrivateRemarks",
    "ShowingInstructions",
    "MediaURL",
)
"""Further fields that mean something to us, beside columns, flags and features."""


def targets() -> tuple[str, ...]:
    """Return every field a column of a file can be."""
    return (*dict.fromkeys((*EXTRA, *FIELDS, *FLAGS, *FEATURES)),)


@lru_cache(4_096)
def is_private(name: str) -> bool:
    """Tell whether a field never leaves the agents' side."""
    return _PRIVATE.search(name) is not None


@lru_cache(4_096)
def is_never_kept(name: str) -> bool:
    """Tell whether a field may not be kept: offers of compensation are not published with a listing."""
    return _NEVER.search(name) is not None


def squeeze(text: str) -> str:
    """Return a value without blanks, marks and capitals: "Active Under Contract" and its token are one."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


_DATA = _data("reso_lookups.toml")
LOOKUPS: Mapping[str, tuple[str, ...]] = {name: tuple(values) for name, values in _DATA["values"].items()}
_TOKENS = {squeeze(token): value for token, value in _DATA["tokens"].items()}
_STANDARD: Mapping[str, Mapping[str, str]] = {
    name: {
        **{squeeze(value): value for value in values},
        **{token: value for token, value in _TOKENS.items() if value in values},
    }
    for name, values in LOOKUPS.items()
}
_EVERYDAY: Mapping[str, Mapping[str, str]] = {
    "StandardStatus": {
        "sold": "Closed",
        "cancelled": "Canceled",
        "contingent": "Active Under Contract",
        "forsale": "Active",
        "undercontract": "Pending",
        "deleted": "Delete",
        "onhold": "Hold",
        "temporarilyoffmarket": "Hold",
    },
    "PropertySubType": {
        "singlefamily": "Single Family Residence",
        "singlefamilyhome": "Single Family Residence",
        "house": "Single Family Residence",
        "condo": "Condominium",
        "townhome": "Townhouse",
        "multifamilyhome": "Multi Family",
        "coop": "Stock Cooperative",
    },
    "FeeFrequency": {"annual": "Annually", "yearly": "Annually", "month": "Monthly", "year": "Annually"},
}


@lru_cache(16_384)
def standard_value(lookup: str, raw: str) -> str | None:
    """Return the standard value for a display string or a token; None where the dictionary has none."""
    known = _STANDARD.get(lookup)
    if known is None:
        return raw
    typed = _TYPED.fullmatch(raw)
    squeezed = squeeze(typed[1] if typed else raw)
    return known.get(squeezed) or _EVERYDAY.get(lookup, {}).get(squeezed)
