"""A tenant's homes for sale as the engine's columns: kept in the process, and followed as they change."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from sys import intern
from threading import Lock
from typing import Any

import numpy as np
from django.db.models import FloatField, Max, Q, QuerySet, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone

from leads.events import Kind
from leads.models import Event, Tenant
from matching import features
from matching.homes import (
    AMENITIES,
    COLUMNS,
    CONDITION_OF,
    Codes,
    Homes,
    Values,
    baths_of,
    homes_of,
    terms_of,
)
from matching.listings.dictionary import snake
from matching.models import Listing
from matching.models.listings import ON_MARKET, ListingQuerySet
from matching.named import NAMES

MOST_TENANTS = 8
"""Tenants whose homes a process keeps; 100,000 homes take some 70 MB."""

OVERLAP = timedelta(minutes=5)
"""Rows written this long before the newest are read again: their transaction may have ended later."""

SAVES_SPAN = timedelta(days=28)
SAVES_AGE = timedelta(minutes=5)

_MONTHS: Mapping[str, float] = {
    "Annually": 1 / 12,
    "Bi-Monthly": 1 / 2,
    "Bi-Weekly": 26 / 12,
    "Daily": 365 / 12,
    "Monthly": 1.0,
    "Quarterly": 1 / 3,
    "Semi-Annually": 1 / 6,
    "Weekly": 52 / 12,
}
"""Payments a month by FeeFrequency; a fee paid once or as it falls due is no monthly cost that is known."""

_PLAIN = (
    *(
        "id",
        "listing_key",
        "listing_id",
        "standard_status",
        "property_type",
        "property_sub_type",
        "latitude",
        "longitude",
    ),
    *("bedrooms_total", "bathrooms_full", "bathrooms_half", "bathrooms_three_quarter"),
    *("bathrooms_one_quarter", "bathrooms_total_integer", "year_built", "year_built_effective"),
    *("association_fee_frequency", "days_on_market", "on_market_date", "listing_contract_date"),
    *("garage_spaces", "new_construction_yn", "flags", "features", "other", "postal_code"),
)
_MONEY = ("list_price", "original_list_price", "association_fee", "tax_annual_amount")
_AREAS = ("living_area", "lot_size_square_feet")
_PLACES = (
    *("places__walkability", "places__transit", "places__stop_miles", "places__nearest"),
    *("places__neighborhood__name", "places__headway"),
)
_NAMES = (*_PLAIN, *_MONEY, *_AREAS, *_PLACES)
_FIELDS: Mapping[str, str] = {
    snake(name): name
    for feature in features.FEATURES
    for name in (feature.flag, feature.count, *feature.lists, *feature.none)
    if name
}
"""Our names of the fields that tell of features → those of the dictionary."""


@dataclass(slots=True)
class _Kept:
    """What a process knows of a tenant's homes."""

    homes: Homes
    names: dict[int, tuple[str, str]]
    """Number of a listing → its key and its MLS number, by which events name it."""
    since: dict[int, date]
    """Number of a listing → since when it is on the market."""
    postal_codes: dict[int, str] = field(default_factory=dict)
    written: datetime | None = None
    """When the newest row that was read was written."""
    placed: datetime | None = None
    """When what is around the homes was last worked out."""
    day: date | None = None
    saves_at: datetime | None = None
    lock: Lock = field(default_factory=Lock)


_kept: OrderedDict[int, _Kept] = OrderedDict()
_lock = Lock()


def homes_for(tenant: Tenant) -> Homes:
    """Return the columns of a tenant's homes on the market that may be shown to clients."""
    kept = _kept_of(tenant)
    with kept.lock:
        _refresh(kept, tenant)
        return kept.homes


def postal_codes(tenant: Tenant, pks: Iterable[int]) -> list[str]:
    """Return the postal codes of homes on the market, in their order; empty where one is not known."""
    kept = _kept_of(tenant)
    with kept.lock:
        _refresh(kept, tenant)
        return [kept.postal_codes.get(pk, "") for pk in pks]


def _kept_of(tenant: Tenant) -> _Kept:
    with _lock:
        kept = _kept.setdefault(tenant.pk, _Kept(homes_of({"pk": []}), {}, {}))
        _kept.move_to_end(tenant.pk)
        while len(_kept) > MOST_TENANTS:
            _kept.popitem(last=False)
        return kept


def forget_homes() -> None:
    """Forget what was kept; for tests, whose rows vanish."""
    with _lock:
        _kept.clear()


def _refresh(kept: _Kept, tenant: Tenant) -> None:
    """Read what was written since, count the days anew once a day, and the saves every few minutes."""
    rows = Listing.objects.for_tenant(tenant)
    newest = rows.aggregate(written=Max("updated_at"))["written"]
    placed = rows.aggregate(placed=Max("places__computed_at"))["placed"] if newest else None
    now = timezone.now()
    if (newest, placed) != (kept.written, kept.placed):
        _read(kept, rows, since=kept.written, placed=kept.placed)
        kept.written, kept.placed, kept.day, kept.saves_at = newest, placed, None, None
    if kept.day != now.date():
        kept.homes = replace(kept.homes, days_on_market=_days(kept.homes, kept.since, now.date()))
        kept.day = now.date()
    if kept.saves_at is None or now - kept.saves_at > SAVES_AGE:
        kept.homes = replace(kept.homes, saves=_saves(kept, tenant, now))
        kept.saves_at = now


def homes_among(
    tenant: Tenant, *, pks: Sequence[int] | None = None, keys: Sequence[str] | None = None
) -> Homes:
    """Return the columns of some listings, on the market or not, by number or by key."""
    rows = Listing.objects.for_tenant(tenant).order_by("pk")
    rows = rows.filter(pk__in=pks) if pks is not None else rows.named(keys or ())
    told = _told(rows)
    homes = homes_of(_columns(told))
    if not told:
        return homes
    known = homes_for(tenant)
    saves = dict(zip(known.pk.tolist(), known.saves.tolist(), strict=True))
    since = {row["id"]: day for row in told if (day := _since(row))}
    return replace(
        homes,
        days_on_market=_days(homes, since, timezone.now().date()),
        saves=np.array([saves.get(pk, np.nan) for pk in homes.pk.tolist()], dtype=np.float64),
    )


def _told(rows: QuerySet[Listing]) -> list[dict[str, Any]]:
    """Return rows as the columns are made of, by name."""
    figures = (*_MONEY, *_AREAS)
    asked = rows.annotate(
        **{f"_{name}": Cast(name, FloatField()) for name in figures},
        shown=Coalesce("internet_entire_listing_display_yn", Value(True)),
    )
    names = (*_NAMES, "shown")
    columns = (*_PLAIN, *(f"_{name}" for name in figures), *_PLACES, "shown")
    return [dict(zip(names, row, strict=True)) for row in asked.values_list(*columns)]


def _since(row: Mapping[str, Any]) -> date | None:
    """Return the first day on the market; of a home that sold, none: its days are told."""
    if row["standard_status"] not in ON_MARKET:
        return None
    day: date | None = row["on_market_date"] or row["listing_contract_date"]
    return day


def _read(kept: _Kept, rows: ListingQuerySet, *, since: datetime | None, placed: datetime | None) -> None:
    changed = rows.order_by("pk")
    if since is None:
        changed = changed.on_market()
    else:
        late = Q(updated_at__gt=since - OVERLAP)
        late |= Q(places__computed_at__gt=(placed or since) - OVERLAP)
        changed = changed.filter(late)
    told = _told(changed)
    stay = [row for row in told if row["standard_status"] in ON_MARKET and row["shown"]]
    gone = {row["id"] for row in told}
    kept.names = {pk: names for pk, names in kept.names.items() if pk not in gone}
    kept.since = {pk: day for pk, day in kept.since.items() if pk not in gone}
    kept.postal_codes = {pk: code for pk, code in kept.postal_codes.items() if pk not in gone}
    kept.postal_codes |= {row["id"]: intern(row["postal_code"]) for row in stay}
    kept.names |= {row["id"]: (row["listing_key"], row["listing_id"]) for row in stay}
    kept.since |= {row["id"]: day for row in stay if (day := _since(row))}
    fresh = homes_of(_columns(stay))
    if len(kept.homes) == 0:
        kept.homes = fresh
    else:
        kept.homes = joined(kept.homes.take(~np.isin(kept.homes.pk, list(gone))), fresh)


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return rows of listings as columns of homes; what a row does not state is None."""

    def of(name: str) -> list[Any]:
        return [row[name] for row in rows]

    parts = [
        np.array(of(name), dtype=np.float64)
        for name in (
            *("bathrooms_full", "bathrooms_half", "bathrooms_three_quarter", "bathrooms_one_quarter"),
        )
    ]
    plain = np.array(of("bathrooms_total_integer"), dtype=np.float64)
    baths = baths_of(*parts) if rows else plain
    original = np.array(of("original_list_price"), dtype=np.float64)
    price = np.array(of("list_price"), dtype=np.float64)
    return {
        "pk": of("id"),
        "list_price": price,
        "latitude": of("latitude"),
        "longitude": of("longitude"),
        "bedrooms_total": of("bedrooms_total"),
        "baths": np.where(np.isnan(baths), plain, baths),
        "living_area": of("living_area"),
        "lot_size_square_feet": of("lot_size_square_feet"),
        "year_built": [row["year_built_effective"] or row["year_built"] for row in rows],
        "standard_status": of("standard_status"),
        "property_type": of("property_type"),
        "property_sub_type": of("property_sub_type"),
        "condition": [_condition(row["features"]) for row in rows],
        "listing_terms": [terms_of(row["features"].get("listing_terms", ())) for row in rows],
        "association_fee_monthly": [_fee(row) for row in rows],
        "tax_annual": of("tax_annual_amount"),
        "net_operating_income": [_number(row["other"].get("NetOperatingIncome")) for row in rows],
        "features": np.array([_states(row) for row in rows]).reshape(len(rows), -1) if rows else None,
        "neighborhood": np.array([row["places__neighborhood__name"] or "" for row in rows], dtype=object),
        "walkability": of("places__walkability"),
        "transit": of("places__transit"),
        "stop_miles": of("places__stop_miles"),
        "headway_minutes": of("places__headway"),
        "amenity_miles": [_nearest(row["places__nearest"]) for row in rows] if rows else None,
        "days_on_market": of("days_on_market"),
        "price_cut": np.maximum(original - price, 0.0),
    }


def _states(row: Mapping[str, Any]) -> features.States:
    facts = {name: row[ours] for ours, name in _FIELDS.items() if ours in row}
    for told in (row["flags"], row["features"]):
        facts |= {_FIELDS[ours]: value for ours, value in told.items() if ours in _FIELDS}
    facts |= {name: value for name, value in row["other"].items() if name not in facts}
    return features.stated(facts)


def _condition(told: Mapping[str, Any]) -> str:
    """Return the first condition a listing states that the engine knows."""
    return next((value for value in told.get("property_condition", ()) if value in CONDITION_OF), "")


def _fee(row: Mapping[str, Any]) -> float | None:
    """Return what the association asks a month: nothing where there is none, None where that is not told."""
    if row["association_fee"] is None:
        return 0.0 if row["flags"].get("association_yn") is False else None
    if row["association_fee"] == 0:
        return 0.0
    often = _MONTHS.get(row["association_fee_frequency"])
    return None if often is None else row["association_fee"] * often


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _nearest(told: Mapping[str, Any] | None) -> list[float]:
    """Return the miles to the nearest place of each kind; NaN for kinds nobody looked for."""
    return [float(told[kind][0]) if told and kind in told else np.nan for kind in AMENITIES]


def _days(homes: Homes, since: Mapping[int, date], today: date) -> Values:
    """Return the days each home is on the market: counted where its first day is known, else as was told."""
    counted = [float((today - since[pk]).days) if pk in since else np.nan for pk in homes.pk.tolist()]
    days = np.maximum(np.array(counted, dtype=np.float64), 0.0)
    return np.where(np.isnan(days), homes.days_on_market, days)


def _saves(kept: _Kept, tenant: Tenant, now: datetime) -> Values:
    """Return how many people saved each home within four weeks."""
    told = Event.objects.filter(
        tenant=tenant, kind=Kind.LISTING_SAVED, occurred_at__gt=now - SAVES_SPAN, lead__isnull=False
    )
    savers: dict[str, set[int]] = defaultdict(set)
    for name, lead_id in (
        told.annotate(name=Coalesce(*(KT(f"data__{name}") for name in NAMES)))
        .values_list("name", "lead_id")
        .distinct()
    ):
        savers[name].add(lead_id)
    nobody: set[int] = set()
    counts = []
    for pk in kept.homes.pk.tolist():
        key, number = kept.names[pk]
        counts.append(len(savers.get(key, nobody) | (savers.get(number, nobody) if number else nobody)))
    return np.array(counts, dtype=np.float64)


def joined(homes: Homes, more: Homes) -> Homes:
    """Return the rows of both; names of neighborhoods and schools are kept once."""
    columns: dict[str, Any] = {}
    for name in COLUMNS:
        ours, theirs = getattr(homes, name), getattr(more, name)
        if name in _CODED:
            names = tuple(dict.fromkeys((*getattr(homes, _CODED[name]), *getattr(more, _CODED[name]))))
            columns[_CODED[name]] = names
            ours = _recoded(ours, getattr(homes, _CODED[name]), names)
            theirs = _recoded(theirs, getattr(more, _CODED[name]), names)
        if isinstance(ours, np.ndarray):
            columns[name] = np.asfortranarray(np.concatenate([ours, theirs]))
    return Homes(**columns)


_CODED: Mapping[str, str] = {"neighborhood": "neighborhoods", "schools": "school_ids"}


def _recoded(codes: Codes, names: Sequence[str], all_names: Sequence[str]) -> Codes:
    place = {name: code for code, name in enumerate(all_names)}
    table = np.array([*(place[name] for name in names), -1], dtype=np.int32)
    return table[codes]
