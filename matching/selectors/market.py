"""Listings as columns of days, prices and areas, for the market's figures; and those figures, for pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from django.db.models import Case, F, QuerySet, Value, When, Window
from django.db.models.functions import RowNumber, TruncDate
from numpy.typing import NDArray

from leads.models import Tenant
from matching.market.snapshots import Grouping
from matching.market.spells import NEVER, UNSAID, Changes, Codes, Contracts, Days, Phase, Prices, Values
from matching.models import (
    AreaKind,
    Listing,
    MarketSeries,
    MarketSnapshot,
    PriceChange,
    PropertyType,
    StandardStatus,
    StatusChange,
)

HOMES = ("", PropertyType.RESIDENTIAL, PropertyType.RESIDENTIAL_INCOME, PropertyType.MANUFACTURED_IN_PARK)
"""Kinds of property whose sales make the market in homes; "" is not stated."""

PHASES: dict[str, Phase] = {
    StandardStatus.ACTIVE: Phase.ACTIVE,
    StandardStatus.ACTIVE_UNDER_CONTRACT: Phase.PENDING,
    StandardStatus.PENDING: Phase.PENDING,
    StandardStatus.CLOSED: Phase.CLOSED,
}
"""All others are off the market, among them homes that are only announced."""


@dataclass(frozen=True, slots=True)
class MarketColumns:
    """A tenant's homes as the market's figures are worked out from them."""

    contracts: Contracts
    changes: Changes
    prices: Prices
    groupings: tuple[Grouping, ...]
    earliest: date | None
    """Since when they tell a market: the first sale known, or the first home that was seen for sale.

    Before it only homes that happen to be for sale still would be counted.
    """


def homes_for_market(tenant: Tenant) -> QuerySet[Listing]:
    """Return the listings the market is made of."""
    return Listing.objects.filter(tenant=tenant, property_type__in=HOMES).exclude(
        standard_status__in=(StandardStatus.DELETE, StandardStatus.INCOMPLETE)
    )


def market_columns(tenant: Tenant) -> MarketColumns:
    """Read a tenant's homes and their histories; days are the team's."""
    zone = ZoneInfo(tenant.time_zone)

    def day_of(name: str) -> TruncDate:
        return TruncDate(name, tzinfo=zone)

    rows = list(
        homes_for_market(tenant)
        .order_by("pk")
        .values_list(
            "pk",
            "standard_status",
            "on_market_date",
            "listing_contract_date",
            day_of("original_entry_timestamp"),
            day_of("recorded_at"),
            "purchase_contract_date",
            "close_date",
            "off_market_date",
            day_of("status_change_timestamp"),
            "list_price",
            "original_list_price",
            "close_price",
            "living_area",
            "parcel_number",
            "unparsed_address",
            "unit_number",
            "city",
            "postal_code",
            "subdivision_name",
            "property_sub_type",
            "places__neighborhood__name",
        )
    )
    columns: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * 22
    keys = np.array(columns[0], dtype=np.int64)
    phase = np.array([PHASES.get(one, Phase.AWAY) for one in columns[1]], dtype=np.int64)
    on_market, agreed, entered, seen, contracted, closed, off, moved = map(_days, columns[2:10])
    started = _first_known(on_market, agreed, entered)
    since = {one: np.where(phase == one, moved, NEVER) for one in (Phase.PENDING, Phase.CLOSED, Phase.AWAY)}
    contracts = Contracts(
        phase=phase,
        started=_first_known(started, np.minimum(seen, _first_known(contracted, off, closed, moved))),
        is_start_known=started < NEVER,
        contracted=_first_known(contracted, np.minimum(off, since[Phase.PENDING])),
        closed=_first_known(closed, since[Phase.CLOSED]),
        off=_first_known(off, since[Phase.AWAY]),
        list_price=_floats(columns[10]),
        original_price=_floats(columns[11]),
        close_price=_floats(columns[12]),
        living_area=_floats(columns[13]),
        home=_homes(columns[14], columns[15], columns[16], columns[18]),
    )
    areas = {
        AreaKind.EVERYWHERE: [""] * len(keys),
        AreaKind.CITY: columns[17],
        AreaKind.POSTAL_CODE: columns[18],
        AreaKind.NEIGHBORHOOD: [
            drawn or stated for drawn, stated in zip(columns[21], columns[19], strict=True)
        ],
    }
    known = np.minimum(contracts.closed, seen)
    return MarketColumns(
        contracts=contracts,
        changes=_changes(tenant, keys, zone),
        prices=_prices(tenant, keys, zone),
        groupings=tuple(
            grouping
            for kind, names in areas.items()
            for grouping in (_grouping(kind, names), _grouping(kind, names, columns[20]))
        ),
        earliest=date.fromordinal(int(known.min())) if len(known) else None,
    )


def _days(column: Sequence[date | None]) -> Days:
    return np.array([NEVER if one is None else one.toordinal() for one in column], dtype=np.int64)


def _floats(column: Sequence[Decimal | None]) -> Values:
    return np.array([np.nan if one is None else float(one) for one in column], dtype=np.float64)


def _first_known(*columns: Days) -> Days:
    """Return each row's first day that is known, by the order of the columns."""
    told = columns[-1]
    for column in columns[-2::-1]:
        told = np.where(column < NEVER, column, told)
    return told


def _homes(
    parcels: Sequence[str], addresses: Sequence[str], units: Sequence[str], postal_codes: Sequence[str]
) -> Codes:
    """Return which listings are of one home, by parcel or by address; −1 where there is no other."""
    told = [
        parcel.casefold() or (f"{address}|{unit}|{postal}".casefold() if address else "")
        for parcel, address, unit, postal in zip(parcels, addresses, units, postal_codes, strict=True)
    ]
    names, codes = np.unique(np.array(told, dtype=object).astype(str), return_inverse=True)
    counts = np.bincount(codes, minlength=len(names))
    is_known = np.array([bool(name) for name in names], dtype=bool)
    single = (counts < 2) | ~is_known
    return np.where(single[codes], -1, codes) if len(codes) else codes.astype(np.int64)


def _grouping(kind: str, areas: Sequence[str], sub_types: Sequence[str] | None = None) -> Grouping:
    """Number the areas, told apart without regard to case; by sub type too where those are given."""
    names: dict[tuple[str, str], int] = {}
    spelled: list[tuple[str, str, str]] = []
    codes = np.full(len(areas), -1, dtype=np.int64)
    for at, area in enumerate(areas):
        sub_type = sub_types[at] if sub_types is not None else ""
        if (kind != AreaKind.EVERYWHERE and not area) or (sub_types is not None and not sub_type):
            continue
        key = (area.casefold(), sub_type)
        code = names.setdefault(key, len(names))
        if code == len(spelled):
            spelled.append((kind, area[:120], sub_type))
        codes[at] = code
    return Grouping(spelled, codes)


def _places(keys: NDArray[np.int64], listed: Iterable[int]) -> tuple[Codes, NDArray[np.bool_]]:
    """Return where listings stand among the sorted keys, and which are there."""
    wanted = np.array(list(listed), dtype=np.int64)
    at = np.minimum(np.searchsorted(keys, wanted), max(0, len(keys) - 1))
    return at, keys[at] == wanted if len(keys) else np.zeros(len(wanted), dtype=bool)


def _phase(name: str) -> Case:
    return Case(
        *(When(**{name: status}, then=Value(int(phase))) for status, phase in PHASES.items()),
        When(**{name: ""}, then=Value(UNSAID)),
        default=Value(int(Phase.AWAY)),
    )


def _changes(tenant: Tenant, keys: NDArray[np.int64], zone: ZoneInfo) -> Changes:
    rows = list(
        StatusChange.objects.filter(listing__tenant=tenant)
        .order_by("listing_id", "changed_at", "pk")
        .values_list(F("listing_id"), TruncDate("changed_at", tzinfo=zone), _phase("old"), _phase("new"))
    )
    listed, days, before, after = zip(*rows, strict=True) if rows else ((), (), (), ())
    at, kept = _places(keys, listed)
    return Changes(
        listing=at[kept],
        day=_days(days)[kept],
        before=np.array(before, dtype=np.int64)[kept],
        after=np.array(after, dtype=np.int64)[kept],
    )


def _prices(tenant: Tenant, keys: NDArray[np.int64], zone: ZoneInfo) -> Prices:
    rows = list(
        PriceChange.objects.filter(listing__tenant=tenant)
        .order_by("listing_id", "changed_at", "pk")
        .values_list("listing_id", TruncDate("changed_at", tzinfo=zone), "old", "new")
    )
    listed, days, before, after = zip(*rows, strict=True) if rows else ((), (), (), ())
    at, kept = _places(keys, listed)
    return Prices(at[kept], _days(days)[kept], _floats(before)[kept], _floats(after)[kept])


@dataclass(frozen=True, slots=True)
class AreaChoice:
    """An area there are snapshots of."""

    kind: str
    area: str

    @property
    def value(self) -> str:
        """Return it as the address has it."""
        return f"{self.kind}:{self.area}" if self.area else self.kind

    @property
    def label(self) -> str:
        return self.area or "Everywhere"


@dataclass(frozen=True, slots=True)
class SeriesNow:
    """The latest figure of a series and those before it."""

    measure: str
    label: str
    region: str
    day: date
    value: float
    source: str
    points: tuple[tuple[date, float], ...]


def snapshot_months(tenant: Tenant) -> list[date]:
    """Return the months there are snapshots of, the latest first."""
    rows = MarketSnapshot.objects.filter(tenant=tenant)
    return list(rows.order_by("-month").values_list("month", flat=True).distinct())


def area_choices(tenant: Tenant) -> list[AreaChoice]:
    """Return the areas there are snapshots of, by kind and name."""
    rows = MarketSnapshot.objects.filter(tenant=tenant, property_sub_type="")
    found = set(rows.order_by().values_list("area_kind", "area").distinct())
    order = [kind.value for kind in AreaKind]
    return [
        AreaChoice(kind, area) for kind, area in sorted(found, key=lambda one: (order.index(one[0]), one[1]))
    ]


def sub_types(tenant: Tenant) -> list[str]:
    """Return the property sub types there are snapshots of."""
    rows = MarketSnapshot.objects.filter(tenant=tenant).exclude(property_sub_type="")
    return list(rows.order_by("property_sub_type").values_list("property_sub_type", flat=True).distinct())


def snapshots_of(tenant: Tenant, choice: AreaChoice, sub_type: str) -> list[MarketSnapshot]:
    """Return an area's snapshots, the earliest first."""
    return list(
        MarketSnapshot.objects.filter(
            tenant=tenant, area_kind=choice.kind, area=choice.area, property_sub_type=sub_type
        ).order_by("month")
    )


def areas_in(tenant: Tenant, kind: str, sub_type: str, month: date) -> list[MarketSnapshot]:
    """Return the snapshots of every area of a kind in a month, by name."""
    return list(
        MarketSnapshot.objects.filter(
            tenant=tenant, area_kind=kind, property_sub_type=sub_type, month=month
        ).order_by("area")
    )


SERIES_POINTS = 60
"""Figures of a series that are drawn."""


def series_now(tenant: Tenant) -> list[SeriesNow]:
    """Return every series with its latest figure, by measure and region."""
    rows = MarketSeries.objects.filter(tenant=tenant)
    ranked = rows.annotate(
        back=Window(RowNumber(), partition_by=[F("measure"), F("region")], order_by=F("day").desc())
    ).filter(back__lte=SERIES_POINTS)
    by_series: dict[tuple[str, str], list[MarketSeries]] = {}
    for row in ranked.order_by("day"):
        by_series.setdefault((row.measure, row.region), []).append(row)
    order = list(MarketSeries.Measure.values)
    told = []
    for (measure, region), points in sorted(
        by_series.items(), key=lambda one: (order.index(one[0][0]), one[0][1])
    ):
        last = points[-1]
        told.append(
            SeriesNow(
                measure=measure,
                label=last.get_measure_display(),
                region=region or "United States",
                day=last.day,
                value=last.value,
                source=last.source,
                points=tuple((one.day, one.value) for one in points),
            )
        )
    return told
