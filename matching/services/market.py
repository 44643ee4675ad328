"""Work out the market of each month from listings, keep it, and tell of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from leads.events import Kind
from leads.models import Tenant
from leads.services.events import NewEvent, record_events
from matching import selectors
from matching.market import RULES
from matching.market.snapshots import AreaMonth, area_months, market_of, months_before
from matching.models import AreaKind, MarketSnapshot

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


def tenants_with_listings() -> Iterator[int]:
    """Yield the active tenants that have any listing."""
    yield from (
        Tenant.objects.filter(is_active=True, listings__isnull=False)
        .order_by("pk")
        .values_list("pk", flat=True)
        .distinct()
    )
