"""Work out the market of each month from listings, keep it, and tell of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Exists, OuterRef

from leads.errors import DomainError
from leads.events import Kind
from leads.market_files import Point, read_series
from leads.models import Tenant, User
from leads.services.events import NewEvent, record_events
from matching import selectors
from matching.market import RULES
from matching.market.snapshots import AreaMonth, area_months, market_of, months_before
from matching.models import AreaKind, Listing, MarketSeries, MarketSnapshot

SOURCE = "listings"
EVERYWHERE = "All our listings"
"""What the whole of a tenant's listings is called where areas are named."""
LOOKED_BACK = 36
"""Months a first snapshot reaches back."""
ANEW = 3
"""Months worked out anew every night, for sales are entered late."""
BATCH = 2_000
TOLD = ("homes_for_sale", "homes_sold", "months_of_supply", "days_on_market")
TOLD_KINDS = (AreaKind.EVERYWHERE, AreaKind.CITY)
COUNTS = frozenset({"homes_for_sale", "homes_sold"})

MOST_REGIONS = 50
"""Regions of one file; a table of the whole country is cut to one's own."""
TOLD_RATES = timedelta(days=400)
"""How far back rates are told on: a year and a month, as far as anybody looks."""
NAMED_SOURCES = {
    "metro_": "Zillow Research",
    "zip_": "Zillow Research",
    "county_": "Zillow Research",
    "city_": "Zillow Research",
    "state_": "Zillow Research",
    "mortgage30us": "Freddie Mac, by FRED",
}
"""How the files of known sources are named, and what is cited for them."""

Place = tuple[str, str, date]


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a look at the market."""

    months: int
    snapshots: int
    told: int


@transaction.atomic
def take_snapshots(*, tenant: Tenant, now: datetime, everything: bool = False) -> Taken:
    """Keep the figures of every area for the latest months, and for earlier ones not worked out yet.

    Each month is worked out from listings as they stood at its end; again, it is replaced.
    """
    Tenant.objects.select_for_update().get(pk=tenant.pk)  # one look after the other
    today = now.astimezone(ZoneInfo(tenant.time_zone)).date()
    columns = selectors.market_columns(tenant)
    months = _months(tenant, columns.earliest, today, everything)
    market = market_of(columns.contracts, columns.changes, columns.prices)
    before = _told_before(tenant, months)
    rows: list[MarketSnapshot] = []
    news: list[AreaMonth] = []
    for month in months:
        for one in area_months(market, columns.groupings, month, today):
            rows.append(_row(tenant, one, now))
            if _is_news(one, before):
                news.append(one)
    MarketSnapshot.objects.bulk_create(
        rows,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["tenant", "area_kind", "area", "property_sub_type", "month"],
        update_fields=["as_of", "figures", "source", "computed_at"],
    )
    MarketSnapshot.objects.filter(tenant=tenant, month__in=months, computed_at__lt=now).delete()
    record_events(events=[_event(tenant, one, now) for one in news])
    return Taken(len(months), len(rows), len(news))


def _months(tenant: Tenant, earliest: date | None, today: date, everything: bool) -> list[date]:
    """Return the months to work out, the earliest first."""
    if earliest is None:
        return []
    this = today.replace(day=1)
    there = set(MarketSnapshot.objects.filter(tenant=tenant).values_list("month", flat=True).distinct())
    wanted = (months_before(this, back) for back in range(LOOKED_BACK, -1, -1))
    return [
        month
        for month in wanted
        if month >= earliest.replace(day=1)
        and (everything or month not in there or month > months_before(this, ANEW))
    ]


def _row(tenant: Tenant, one: AreaMonth, now: datetime) -> MarketSnapshot:
    return MarketSnapshot(
        tenant=tenant,
        area_kind=one.kind,
        area=one.area,
        property_sub_type=one.sub_type,
        month=one.month,
        as_of=one.as_of,
        figures=one.figures,
        source=SOURCE,
        computed_at=now,
    )


def told_figures(figures: dict[str, Any]) -> dict[str, float]:
    """Return what is told to others of an area's month: counts, and what rests on enough homes."""
    return {
        name: round(float(figures[name][0]), 2)
        for name in TOLD
        if name in figures and (name in COUNTS or figures[name][1] >= RULES.least)
    }


def _told_before(tenant: Tenant, months: Sequence[date]) -> dict[Place, dict[str, float]]:
    rows = MarketSnapshot.objects.filter(
        tenant=tenant, area_kind__in=TOLD_KINDS, property_sub_type="", month__in=months
    )
    return {(row.area_kind, row.area, row.month): told_figures(row.figures) for row in rows if row.is_over}


def _is_news(one: AreaMonth, before: dict[Place, dict[str, float]]) -> bool:
    """Tell whether a month that is over says something of a town, or of all, that was not told."""
    is_over = one.as_of.month != date.fromordinal(one.as_of.toordinal() + 1).month
    if not is_over or one.sub_type or one.kind not in TOLD_KINDS:
        return False
    return before.get((one.kind, one.area, one.month)) != told_figures(one.figures)


def _event(tenant: Tenant, one: AreaMonth, now: datetime) -> NewEvent:
    return NewEvent(
        tenant_id=tenant.pk,
        kind=Kind.MARKET_UPDATED,
        occurred_at=now,
        data={
            "source": SOURCE,
            "area": one.area or EVERYWHERE,
            "month": one.month.isoformat(),
            **told_figures(one.figures),
        },
    )


def tenants_with_listings() -> list[int]:
    """Return the active tenants that have any listing."""
    listings = Listing.objects.filter(tenant=OuterRef("pk"))
    return list(Tenant.objects.filter(Exists(listings), is_active=True).values_list("pk", flat=True))


@dataclass(frozen=True, slots=True)
class SeriesTaken:
    """What became of a file of series."""

    figures: int
    regions: int
    source: str


def import_series(
    *,
    tenant: Tenant,
    by: User | None,
    content: bytes,
    file_name: str,
    now: datetime,
    measure: str = "",
    areas: Sequence[str] = (),
    source: str = "",
) -> SeriesTaken:
    """Keep the series of a file, all or, where a figure cannot be read, none; tell the latest on."""
    points = read_series(content, file_name, today=now.date(), measure=measure, areas=areas)
    if not points:
        raise DomainError("The file tells no figure: every cell is empty.", "empty")
    regions = {one.region.casefold() for one in points}
    if len(regions) > MOST_REGIONS:
        raise DomainError(
            f"The file is of {len(regions):,} areas, at most {MOST_REGIONS} are taken in: name yours.",
            "areas",
        )
    source = source.strip() or source_of(file_name)
    keep_series(tenant=tenant, by=by, points=points, source=source, now=now)
    return SeriesTaken(len(points), len(regions), source)


def source_of(file_name: str) -> str:
    """Return whom to cite for a file by its name; the name itself where that says nothing."""
    name = file_name.lower()
    return next((told for start, told in NAMED_SOURCES.items() if name.startswith(start)), file_name[:200])


@transaction.atomic
def keep_series(
    *, tenant: Tenant, by: User | None, points: Sequence[Point], source: str, now: datetime
) -> None:
    """Keep figures from outside, each replacing what was known of its region and day."""
    spelled = {
        region.casefold(): region
        for region in MarketSeries.objects.filter(tenant=tenant).values_list("region", flat=True).distinct()
    }
    MarketSeries.objects.bulk_create(
        [
            MarketSeries(
                tenant=tenant,
                region=spelled.setdefault(one.region.casefold(), one.region),
                measure=one.measure,
                day=one.day,
                value=one.value,
                source=source,
                by=by,
                imported_at=now,
            )
            for one in points
        ],
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["tenant", "measure", "region", "day"],
        update_fields=["value", "source", "by", "imported_at"],
    )
    record_events(events=list(_series_events(tenant, by, points, source, now)))


def _series_events(
    tenant: Tenant, by: User | None, points: Sequence[Point], source: str, now: datetime
) -> Iterator[NewEvent]:
    """Yield what is told of months and rates that are not long past."""
    since = months_before(now.date().replace(day=1), LOOKED_BACK)
    by_month: dict[tuple[str, date], dict[str, Any]] = {}
    for one in points:
        if one.measure in TOLD and one.day >= since:
            by_month.setdefault((one.region, one.day.replace(day=1)), {})[one.measure] = one.value
    told = [
        {"area": region, "month": month.isoformat(), **figures}
        for (region, month), figures in sorted(by_month.items())
    ] + [
        {"mortgage_rate": one.value, "rate_on": one.day.isoformat()}
        for one in points
        if one.measure == MarketSeries.Measure.MORTGAGE_RATE and one.day >= now.date() - TOLD_RATES
    ]
    for data in told:
        yield NewEvent(
            tenant_id=tenant.pk,
            kind=Kind.MARKET_UPDATED,
            occurred_at=now,
            data={"source": source, **data},
            actor_id=by.pk if by is not None else None,
        )
