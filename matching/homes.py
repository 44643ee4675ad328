"""Listings as columns: what the match reads of n homes, one numpy array for each fact.

NaN is "not stated" in columns of numbers, -1 in columns of codes and features. `homes_of` builds the columns
from whatever is at hand; a column not given is not stated for any home.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matching.features import KEYS as FEATURE_KEYS
from matching.features import NOT_STATED, States

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]
Codes = NDArray[np.int32]
Ints = NDArray[np.int64]

STATUSES = (
    *("Active", "Active Under Contract", "Canceled", "Closed", "Coming Soon", "Delete", "Expired", "Hold"),
    *("Incomplete", "Pending", "Withdrawn"),
)
TYPES = (
    *("Business Opportunity", "Commercial Lease", "Commercial Sale", "Farm", "Land", "Manufactured In Park"),
    *("Residential", "Residential Income", "Residential Lease"),
)
SUB_TYPES = (
    *("Agriculture", "Apartment", "Boat Slip", "Business", "Cabin", "Co-Ownership", "Condominium"),
    *("Deeded Parking", "Duplex", "Farm", "Hotel/Motel", "Industrial", "Manufactured Home"),
    *("Manufactured On Land", "Mixed Use", "Mobile Home", "Mobile Home Park", "Multi Family", "Office"),
    *("Own Your Own", "Quadruplex", "Ranch", "Retail", "Single Family Residence", "Stock Cooperative"),
    *("Tenancy in Common", "Timeshare", "Townhouse", "Triplex", "Unimproved Land", "Warehouse"),
)
CONDITIONS = ("move-in", "light work", "fixer")
CONDITION_OF: Mapping[str, str] = {
    "Fixer": "fixer",
    "New Construction": "move-in",
    "To Be Built": "move-in",
    "Under Construction": "move-in",
    "Updated/Remodeled": "move-in",
}
"""The class of each value of PropertyCondition."""

FINANCING = ("cash", "conventional", "FHA", "VA", "USDA", "jumbo")
TERMS_OF: Mapping[str, str] = {
    "Cash": "cash",
    "Conventional": "conventional",
    "FHA": "FHA",
    "VA Loan": "VA",
    "USDA Loan": "USDA",
}
"""Values of ListingTerms that name a way to pay. A jumbo loan is a conventional one."""

AMENITIES: Mapping[str, float] = {
    "grocery": 1.0,
    "restaurant": 0.5,
    "coffee": 0.5,
    "shopping": 1.0,
    "bank": 1.0,
    "park": 1.0,
    "trail": 2.0,
    "gym": 2.0,
    "library": 2.0,
    "pharmacy": 1.0,
    "school": 1.0,
    "transit": 0.5,
    "entertainment": 2.0,
    "dog_park": 2.0,
    "hospital": 5.0,
}
"""Kinds of places a buyer may choose, and the miles over which each loses its worth (to 1/e)."""

HAZARDS = ("flood", "wildfire", "seismic", "radon", "noise", "roof")
"""What may threaten the property itself, each from 0 (none) to 1 (highest); never crime, never people."""

SCHOOL_SLOTS = ("elementary", "middle", "high", "district")


@dataclass(frozen=True, slots=True)
class Homes:
    """Facts of n listings. Two-dimensional columns have one row for each home."""

    pk: Ints
    list_price: Values
    latitude: Values
    longitude: Values
    bedrooms_total: Values
    baths: Values
    """Full + 0.75 three-quarter + 0.5 half + 0.25 one-quarter: see `baths_of`."""
    living_area: Values
    """Square feet."""
    lot_size_square_feet: Values
    year_built: Values
    """YearBuiltEffective where it is stated."""
    standard_status: Codes
    """Into STATUSES."""
    property_type: Codes
    """Into TYPES."""
    property_sub_type: Codes
    """Into SUB_TYPES."""
    condition: Codes
    """Into CONDITIONS; values of PropertyCondition are understood, too."""
    listing_terms: Codes
    """The ways to pay the seller takes: bit k is FINANCING[k]; -1 is not stated. See `terms_of`."""
    association_fee_monthly: Values
    """All fees of the association in dollars a month; 0 where there is none."""
    tax_annual: Values
    net_operating_income: Values
    """Dollars a year."""
    features: States
    """(n, m): 1 yes, 0 no, -1 not stated, in the order of `matching.features.FEATURES`."""
    hazards: Values
    """(n, 6), in the order of HAZARDS."""
    neighborhood: Codes
    """Into `neighborhoods`."""
    neighborhoods: tuple[str, ...]
    walkability: Values
    """0–100."""
    transit: Values
    """0–100."""
    stop_miles: Values
    """Miles as the crow flies to the stop that serves best."""
    headway_minutes: Values
    """Minutes between departures there by day."""
    amenity_miles: Values
    """(n, k), in the order of AMENITIES: miles to the nearest; inf is looked for and none found."""
    schools: Codes
    """(n, 4), in the order of SCHOOL_SLOTS, into `school_ids`: what the listing states, never "zoned for"."""
    school_ids: tuple[str, ...]
    school_percentile: Values
    """0–1: growth among the state's schools of that level, drawn to the middle for small ones (`shrunk`)."""
    days_on_market: Values
    price_cut: Values
    """Dollars below the original price; 0 where it never fell."""
    saves: Values
    """How many people saved it within the last weeks, as counted by whoever builds the columns."""

    def __len__(self) -> int:
        return len(self.pk)

    def take(self, rows: ArrayLike) -> Homes:
        """Return some rows: by numbers, in their order, or by a mask."""
        index = np.asarray(rows)
        index = np.flatnonzero(index) if index.dtype == np.bool_ else index.astype(np.int64)
        taken: dict[str, Any] = {
            name: value[index] for name in COLUMNS if isinstance(value := getattr(self, name), np.ndarray)
        }
        return replace(self, **taken)

    @property
    def available(self) -> Flags:
        """Tell which homes can still be bought; a status not stated does not rule one out."""
        return _AVAILABLE[self.standard_status]

    def rows_of(self, pks: Sequence[int]) -> Ints:
        """Return the rows of listings, in their order; unknown ones are left out."""
        row = {pk: number for number, pk in enumerate(self.pk.tolist())}
        return np.array([row[pk] for pk in pks if pk in row], dtype=np.int64)


COLUMNS: tuple[str, ...] = tuple(column.name for column in fields(Homes))

_AVAILABLE: Flags = np.array([status in {"Active", "Coming Soon"} for status in STATUSES] + [True])
_NAMES: Mapping[str, Mapping[str, int]] = {
    "standard_status": {name: code for code, name in enumerate(STATUSES)},
    "property_type": {name: code for code, name in enumerate(TYPES)},
    "property_sub_type": {name: code for code, name in enumerate(SUB_TYPES)},
    "condition": {name: code for code, name in enumerate(CONDITIONS)}
    | {value: CONDITIONS.index(name) for value, name in CONDITION_OF.items()},
}
_WIDTHS: Mapping[str, int] = {
    "features": len(FEATURE_KEYS),
    "hazards": len(HAZARDS),
    "amenity_miles": len(AMENITIES),
    "schools": len(SCHOOL_SLOTS),
}
_OPEN: Mapping[str, str] = {"neighborhood": "neighborhoods", "schools": "school_ids"}
_POSITIVE = frozenset({"list_price", "living_area", "lot_size_square_feet", "year_built"})
_AT_LEAST_0 = frozenset(
    {
        *("bedrooms_total", "baths", "association_fee_monthly", "tax_annual", "walkability", "transit"),
        *("stop_miles", "headway_minutes", "school_percentile", "days_on_market", "price_cut", "saves"),
    }
)


def homes_of(columns: Mapping[str, Any]) -> Homes:
    """Return homes of columns by name, `pk` being the one that must be there.

    Numbers: any sequence, None and NaN being not stated; so are a price, an area or a year of 0 or less, any
    other number below 0, and coordinates off the globe or at exactly 0, 0. Codes: numbers or names (of RESO
    for the closed lists); a name that a closed list does not hold is not stated. `neighborhood` and `schools`
    by name bring their own lists of names. Raises ValueError for a column there is no place for, or of
    another length.
    """
    if unknown := sorted(set(columns) - set(COLUMNS)):
        raise ValueError(f"Homes have no column {unknown[0]}: the columns are {', '.join(COLUMNS)}.")
    pk = np.asarray(columns["pk"], dtype=np.int64)
    told: dict[str, Any] = {"pk": pk}
    for name in COLUMNS[1:]:
        if name in _OPEN.values():
            told.setdefault(name, tuple(columns.get(name, ())))
        elif name in _OPEN and name in columns and (names := _own_names(columns[name])) is not None:
            told[name] = _shaped(name, _codes(columns[name], names), len(pk))
            told[_OPEN[name]] = tuple(names)
        else:
            told[name] = _column(name, columns.get(name), len(pk))
    nowhere = (np.abs(told["latitude"]) > 90) | (np.abs(told["longitude"]) > 180)
    nowhere |= (told["latitude"] == 0) & (told["longitude"] == 0)
    nowhere |= np.isnan(told["latitude"]) | np.isnan(told["longitude"])
    told["latitude"][nowhere] = told["longitude"][nowhere] = np.nan
    return Homes(**told)


def baths_of(full: ArrayLike, half: ArrayLike, three_quarter: ArrayLike, one_quarter: ArrayLike) -> Values:
    """Return baths by their parts: 2 full, 1 half, 1 three-quarter are 3.25; none stated is not stated."""
    parts = np.stack(
        np.broadcast_arrays(
            *(np.asarray(part, dtype=np.float64) for part in (full, half, three_quarter, one_quarter))
        )
    )
    total = np.tensordot(np.array([1.0, 0.5, 0.75, 0.25]), np.nan_to_num(parts), axes=1)
    return np.where(np.isnan(parts).all(axis=0), np.nan, total)


def terms_of(values: Sequence[str]) -> int:
    """Return the code of a listing's ListingTerms; -1 where they name no way to pay."""
    bits = {1 << FINANCING.index(TERMS_OF[value]) for value in values if value in TERMS_OF}
    if any(value == "Conventional" for value in values):
        bits.add(1 << FINANCING.index("jumbo"))
    return sum(bits) or NOT_STATED


def _column(name: str, given: Any, n: int) -> NDArray[Any]:
    """Return a column of n rows; what is not given is not stated."""
    shape = (n, _WIDTHS[name]) if name in _WIDTHS else (n,)
    if name == "features":
        states = np.full(shape, NOT_STATED) if given is None else np.asarray(given)
        return _shaped(name, states.astype(np.int8), n)
    if name in _NAMES or name in _OPEN or name == "listing_terms":
        codes = np.full(shape, NOT_STATED) if given is None else _codes(given, _NAMES.get(name, {}))
        return _shaped(name, codes, n)
    values = np.full(shape, np.nan) if given is None else np.array(given, dtype=np.float64)
    if name in _POSITIVE:
        values[~(values > 0)] = np.nan
    elif name in _AT_LEAST_0:
        values[~(values >= 0)] = np.nan
    return _shaped(name, values, n)


def _shaped(name: str, column: NDArray[Any], n: int) -> NDArray[Any]:
    """Return a column, its rows lying column by column, or refuse it."""
    shape = (n, _WIDTHS[name]) if name in _WIDTHS else (n,)
    if column.size == 0 and n == 0:
        column = column.reshape(shape)
    if column.shape != shape:
        raise ValueError(f"{name} must have the shape {shape}, not {column.shape}.")
    return np.asfortranarray(column)


def _codes(given: Any, names: Mapping[str, int]) -> Codes:
    """Return codes of numbers, or of names."""
    column = np.asarray(given)
    if column.dtype.kind not in "OUS":
        return column.astype(np.int32)
    flat = [_code(value, names) for value in column.ravel().tolist()]
    return np.array(flat, dtype=np.int32).reshape(column.shape)


def _code(value: Any, names: Mapping[str, int]) -> int:
    return value if isinstance(value, int) else names.get(str(value), NOT_STATED)


def _own_names(given: Any) -> dict[str, int] | None:
    """Return the names a column brings with it, each with its code; nothing if it holds codes."""
    column = np.asarray(given)
    if column.dtype.kind not in "OUS":
        return None
    named = sorted({str(value) for value in column.ravel().tolist() if value not in {None, ""}})
    return {name: code for code, name in enumerate(named)}
