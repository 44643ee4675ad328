"""Read one untrusted record of a listing: what it says, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from matching.listings import dictionary
from matching.listings.attached import (
    ReadMedia,
    ReadMember,
    ReadOffice,
    ReadOpenHouse,
    Record,
    agent_of,
    media_of,
    office_of,
    open_houses_of,
)
from matching.listings.dictionary import Field, Type
from matching.listings.values import (
    CENT,
    MOST_OTHER,
    READERS,
    Fault,
    Notes,
    Wrong,
    plain,
    read_collection,
    read_key,
    read_number,
    read_text,
    read_yes_no,
)

SQUARE_FEET_PER_ACRE = Decimal(43_560)
SQUARE_FEET_PER_SQUARE_METER = Decimal("10.763910417")


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that cannot be stored, and everything that is wrong with it."""

    listing_key: str
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a record says of a listing; a column named with None is said to be empty, one not named is not."""

    listing_key: str
    originating_system_name: str
    modified_at: datetime | None
    columns: Mapping[str, Any]
    flags: Mapping[str, bool | None] = field(default_factory=dict)
    features: Mapping[str, list[str] | None] = field(default_factory=dict)
    private: Mapping[str, Any] = field(default_factory=dict)
    other: Mapping[str, Any] = field(default_factory=dict)
    agent: ReadMember | None = None
    office: ReadOffice | None = None
    media: tuple[ReadMedia, ...] | None = None
    open_houses: tuple[ReadOpenHouse, ...] | None = None
    faults: tuple[Fault, ...] = ()
    unknown: tuple[tuple[str, str], ...] = ()


def read_listing(record: object, *, now: datetime, system: str = "") -> Reading | Refused:
    """Return what a record of the Property resource says; `system` is where it is from if it does not say."""
    if not isinstance(record, Mapping):
        return Refused("", (Fault("", "The record is not an object.", "Send one object for each listing."),))
    notes = Notes()
    key = read_key(record.get("ListingKey")) or read_key(record.get("ListingId"))
    if not key:
        notes.refuse("ListingKey", "The record has no key.", "Fill ListingKey, or ListingId.")
    columns: dict[str, Any] = {}
    flags: dict[str, bool | None] = {}
    features: dict[str, list[str] | None] = {}
    private: dict[str, Any] = {}
    other: dict[str, Any] = {}
    for name, value in record.items():
        if not isinstance(name, str) or name in _HANDLED or name.startswith("@"):
            continue
        known = dictionary.FIELDS.get(name)
        if known is not None:
            _read_column(known, value, columns, other, notes, now)
        elif name in dictionary.FLAGS:
            _read_flag(name, value, flags, other, notes)
        elif name in dictionary.FEATURES:
            place, lookup = dictionary.FEATURES[name]
            features[place] = read_collection(lookup, value, notes)
        elif not dictionary.is_never_kept(name):
            kept = private if dictionary.is_private(name) else other
            if len(kept) < MOST_OTHER:
                kept[name[:100]] = plain(value)
    _read_status(record, columns, notes)
    _derive(record, columns, notes)
    if any(not fault.kept for fault in notes.faults):
        return Refused(key, tuple(notes.faults))
    return Reading(
        listing_key=key,
        originating_system_name=read_text(record.get("OriginatingSystemName"), 255) or system,
        modified_at=columns.pop("modification_timestamp", None),
        columns=columns,
        flags=flags,
        features=features,
        private=private,
        other=other,
        agent=agent_of(record),
        office=office_of(record),
        media=media_of(record, notes),
        open_houses=open_houses_of(record, notes),
        faults=tuple(notes.faults),
        unknown=tuple(notes.unknown),
    )


_HANDLED = frozenset(
    {"ListingKey", "OriginatingSystemName", "StandardStatus", "Media", "MediaURL", "OpenHouses"}
)
"""Read apart from the loop over fields; MediaURL is a file's own column of addresses."""


def _read_column(
    known: Field,
    value: object,
    columns: dict[str, Any],
    other: dict[str, Any],
    notes: Notes,
    now: datetime,
) -> None:
    if value is None or value == "":
        columns[known.column] = _empty(known)
        return
    try:
        columns[known.column] = READERS[known.type](known, value, notes, now)
    except Wrong as wrong:
        if known.essential:
            notes.refuse(known.name, wrong.what, wrong.mend)
        else:
            notes.leave_out(known.name, wrong.what, wrong.mend)
            columns[known.column] = _empty(known)
            other[known.name] = plain(value)


def _empty(known: Field) -> Any:
    return "" if known.type in (Type.TEXT, Type.LOOKUP) else None


def _read_flag(
    name: str, value: object, flags: dict[str, bool | None], other: dict[str, Any], notes: Notes
) -> None:
    place = dictionary.FLAGS[name]
    if value is None or value == "":
        flags[place] = None
        return
    try:
        flags[place] = read_yes_no(value)
    except Wrong as wrong:
        flags[place] = None
        other[name] = plain(value)
        notes.leave_out(name, wrong.what, wrong.mend)


def _read_status(record: Record, columns: dict[str, Any], notes: Notes) -> None:
    said = record.get("StandardStatus")
    local = record.get("MlsStatus")
    raw = said if said not in (None, "") else local
    if raw is None or raw == "":
        notes.refuse("StandardStatus", "The status is missing.", f"Write one of: {_statuses()}.")
        return
    status = dictionary.standard_value("StandardStatus", raw) if isinstance(raw, str) else None
    if status is None:
        if isinstance(raw, str):
            notes.unknown.append(("StandardStatus", raw[:100]))
        notes.refuse(
            "StandardStatus", "The status is not one of the dictionary's.", f"Write one of: {_statuses()}."
        )
        return
    columns["standard_status"] = status
    if raw is said and status != raw and not local:
        columns["mls_status"] = str(raw)[:50]


def _statuses() -> str:
    return ", ".join(dictionary.LOOKUPS["StandardStatus"])


def _derive(record: Record, columns: dict[str, Any], notes: Notes) -> None:
    """Fill columns from fields that say the same in another unit or in parts."""
    _derive_areas(record, columns, notes)
    _derive_baths(record, columns, notes)
    _derive_place(record, columns, notes)
    if not columns.get("unparsed_address") and (address := _address(record)):
        columns["unparsed_address"] = address


def _derive_areas(record: Record, columns: dict[str, Any], notes: Notes) -> None:
    units = record.get("LivingAreaUnits")
    if columns.get("living_area") and isinstance(units, str):
        unit = dictionary.standard_value("AreaUnits", units)
        if unit == "Square Meters":
            columns["living_area"] = (columns["living_area"] * SQUARE_FEET_PER_SQUARE_METER).quantize(CENT)
        elif unit is None and units:
            notes.unknown.append(("AreaUnits", units[:100]))
    if columns.get("lot_size_square_feet") is not None:
        return
    acres, area = read_number(record.get("LotSizeAcres")), read_number(record.get("LotSizeArea"))
    unit = dictionary.standard_value("LotSizeUnits", str(record.get("LotSizeUnits") or "")) or ""
    times = {"Acres": SQUARE_FEET_PER_ACRE, "Square Meters": SQUARE_FEET_PER_SQUARE_METER}
    if acres is not None and 0 < acres < 1_000_000:
        columns["lot_size_square_feet"] = (acres * SQUARE_FEET_PER_ACRE).quantize(CENT)
    elif area is not None and unit and 0 < area < 1_000_000_000:
        columns["lot_size_square_feet"] = (area * times.get(unit, Decimal(1))).quantize(CENT)


def _derive_baths(record: Record, columns: dict[str, Any], notes: Notes) -> None:
    """Part "2.5 baths" into two full ones and a half, where no kinds are stated."""
    said = record.get("BathroomsTotalDecimal")
    if said in (None, "") or columns.get("bathrooms_full") is not None:
        return
    count = read_number(said)
    if count is None or not 0 <= count <= 200:
        notes.leave_out("BathroomsTotalDecimal", "This is not a number of bathrooms.", "Write it like 2.5.")
        return
    full, part = int(count), count % 1
    columns["bathrooms_full"] = full
    if part >= Decimal("0.7"):
        columns["bathrooms_three_quarter"] = 1
    elif part >= Decimal("0.4"):
        columns["bathrooms_half"] = 1
    elif part > 0:
        columns["bathrooms_one_quarter"] = 1


def _derive_place(record: Record, columns: dict[str, Any], notes: Notes) -> None:
    """Take a place that is none as not stated: half of one, or where the Gulf of Guinea is."""
    if "latitude" not in columns and "longitude" not in columns:
        return
    latitude, longitude = columns.get("latitude"), columns.get("longitude")
    if latitude == 0 and longitude == 0:
        notes.leave_out(
            "Latitude", "The coordinates are 0, 0.", "Leave both empty where the place is not known."
        )
    elif (latitude is None) != (longitude is None):
        name = "Longitude" if longitude is None else "Latitude"
        if not any(fault.field == name for fault in notes.faults):
            notes.leave_out(name, "Only one of the two coordinates can be used.", "Give both, or neither.")
    else:
        columns.update(latitude=latitude, longitude=longitude)
        return
    columns.update(latitude=None, longitude=None)


def _address(record: Record) -> str:
    """Return an address of its parts."""
    parts = ("StreetNumber", "StreetDirPrefix", "StreetName", "StreetSuffix", "StreetDirSuffix")
    if not read_text(record.get("StreetName"), 50):
        return ""
    street = " ".join(text for part in parts if (text := read_text(record.get(part), 50)))
    unit = read_text(record.get("UnitNumber"), 25)
    return (f"{street} #{unit}" if unit else street)[:255]
