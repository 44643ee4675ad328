"""Market rows a tenant enters or imports or is told, and whether they turn its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from leads.errors import DomainError
from leads.events import Kind
from leads.market_files import FIGURES, MonthFact, read_market, squeezed_area
from leads.models import Event, Tenant, User
from leads.services.events import NewEvent, record_events
from scoring import selectors
from scoring.models import MarketMonth, MortgageRate, WeightSettings

BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file."""

    months: int
    rates: int
    areas: int
    ignored: tuple[str, ...]


def import_market(
    *,
    tenant: Tenant,
    by: User | None,
    content: bytes,
    file_name: str,
    figure: str = "",
    areas: Sequence[str] = (),
) -> Imported:
    """Keep the figures of a file; all of them or, where one cannot be read, none."""
    told = read_market(content, file_name, today=timezone.now().date(), figure=figure, areas=areas)
    if not told.months and not told.rates:
        raise DomainError("The file tells no figure: every cell is empty.", "empty")
    keep_market(tenant=tenant, by=by, months=told.months, rates=told.rates)
    return Imported(
        len(told.months), len(told.rates), len({one.area.casefold() for one in told.months}), told.ignored
    )


@transaction.atomic
def keep_market(
    *,
    tenant: Tenant,
    by: User | None,
    months: Sequence[MonthFact] = (),
    rates: Mapping[date, float] | None = None,
) -> None:
    """Keep figures of months and rates; what is not told of a month that is there stays as it was."""
    settings = locked_settings(tenant)
    now = timezone.now()
    spelled = {area.casefold(): area for area in selectors.market_areas(tenant.pk)}
    named = [(spelled.setdefault(one.area.casefold(), one.area), one) for one in months]
    there = {
        (row.area, row.month): row
        for row in MarketMonth.objects.filter(tenant=tenant, area__in={area for area, _ in named})
    }
    rows = []
    for area, one in named:
        row = there.get((area, one.month)) or MarketMonth(tenant=tenant, area=area, month=one.month)
        for name, value in one.figures.items():
            setattr(row, name, value)
        row.by, row.made_at, row.source = by, now, ""
        rows.append(row)
    MarketMonth.objects.bulk_create(
        [row for row in rows if row.pk is None],
        batch_size=BATCH,
    )
    MarketMonth.objects.bulk_update(
        [row for row in rows if row.pk is not None and (row.area, row.month) in there],
        [*FIGURES, "by", "made_at", "source"],
        batch_size=BATCH,
    )
    MortgageRate.objects.bulk_create(
        [
            MortgageRate(tenant=tenant, day=day, rate=rate, by=by, made_at=now, source="")
            for day, rate in (rates or {}).items()
        ],
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["tenant", "day"],
        update_fields=["rate", "by", "made_at", "source"],
    )
    _changed(settings, by, {"months": len(rows), "rates": len(rates or {})})


def take_told_market(*, event_ids: Sequence[int]) -> None:
    """Keep the figures that events tell of areas and rates; what the team entered itself stays as it is.

    An event without a source tells of rows that are here already: the team's own.
    """
    told = Event.objects.filter(pk__in=event_ids, kind=Kind.MARKET_UPDATED, data__has_key="source")
    by_tenant: dict[int, list[Event]] = {}
    for event in told.select_related("tenant").order_by("occurred_at", "pk"):
        by_tenant.setdefault(event.tenant_id, []).append(event)
    for events in by_tenant.values():
        _take(events[0].tenant, events)


@transaction.atomic
def _take(tenant: Tenant, events: Sequence[Event]) -> None:
    settings = locked_settings(tenant)
    areas = selectors.market_areas(tenant.pk)
    spelled = {area.casefold(): area for area in areas}
    for event in events:
        source, at = str(event.data["source"]), event.occurred_at
        figures = {name: event.data[name] for name in FIGURES if event.data.get(name) is not None}
        area = squeezed_area(str(event.data.get("area", "")))
        if area and figures:
            month = date.fromisoformat(event.data["month"])
            _keep_told_month(tenant, spelled.setdefault(area.casefold(), area), month, figures, source, at)
        if event.data.get("mortgage_rate") is not None:
            day = date.fromisoformat(event.data["rate_on"])
            _keep_told_rate(tenant, day, float(event.data["mortgage_rate"]), source, at)
    if settings.uses_market and not settings.area and len(areas) == 1 and len(spelled) > 1:
        settings.area = areas[0]  # it counted for being the only one; another does not take that away
    settings.market_at = timezone.now()
    settings.save(update_fields=["market_at", "area"])


def _keep_told_month(
    tenant: Tenant, area: str, month: date, figures: Mapping[str, float], source: str, at: datetime
) -> None:
    row, is_new = MarketMonth.objects.get_or_create(
        tenant=tenant,
        area=area,
        month=month,
        defaults={**figures, "source": source, "made_at": at},
    )
    if is_new or row.source != source or row.made_at >= at:
        return
    for name, value in figures.items():
        setattr(row, name, value)
    row.made_at = at
    row.save(update_fields=[*figures, "made_at"])


def _keep_told_rate(tenant: Tenant, day: date, rate: float, source: str, at: datetime) -> None:
    row, is_new = MortgageRate.objects.get_or_create(
        tenant=tenant, day=day, defaults={"rate": rate, "source": source, "made_at": at}
    )
    if not is_new and row.source == source and row.made_at < at:
        row.rate, row.made_at = rate, at
        row.save(update_fields=["rate", "made_at"])


@transaction.atomic
def remove_month(*, month: MarketMonth, by: User) -> None:
    """Forget what was told of an area in a month."""
    settings = locked_settings(month.tenant)
    month.delete()
    _changed(settings, by, {"removed": f"{month}"})


@transaction.atomic
def remove_rate(*, rate: MortgageRate, by: User) -> None:
    """Forget the mortgage rate of a day."""
    settings = locked_settings(rate.tenant)
    rate.delete()
    _changed(settings, by, {"removed": f"{rate}"})


@transaction.atomic
def set_market_use(*, tenant: Tenant, uses_market: bool, area: str, by: User) -> WeightSettings:
    """Let the market turn the weights, or no longer; and say which area counts."""
    settings = locked_settings(tenant)
    market = selectors.market_of(tenant.pk, chosen=area, day=timezone.now().date())
    if area and area not in market.areas:
        raise DomainError("There are no figures of that area.", "area")
    if uses_market and market.is_empty:
        raise DomainError("Enter figures of your market first: there is nothing to go by.", "market")
    if uses_market and market.must_choose:
        raise DomainError("Say which area counts: there are figures of several.", "area")
    settings.uses_market, settings.area = uses_market, area
    settings.set_by, settings.set_at = by, timezone.now()
    settings.save()
    tell_weights(tenant=tenant, by=by, data={"market": uses_market, "area": area})
    return settings


def locked_settings(tenant: Tenant) -> WeightSettings:
    """Lock what turns a tenant's weights, so that one change follows the other."""
    WeightSettings.objects.get_or_create(tenant=tenant)
    return WeightSettings.objects.select_for_update().get(tenant=tenant)


def tell_weights(*, tenant: Tenant, by: User | None, data: Mapping[str, Any]) -> None:
    """Record that a tenant's weights changed: its leads are scored anew."""
    _record(Kind.WEIGHTS_CHANGED, tenant, by, data)


def _changed(settings: WeightSettings, by: User | None, data: Mapping[str, Any]) -> None:
    settings.market_at = timezone.now()
    settings.save(update_fields=["market_at"])
    _record(Kind.MARKET_UPDATED, settings.tenant, by, data)


def _record(kind: Kind, tenant: Tenant, by: User | None, data: Mapping[str, Any]) -> None:
    record_events(
        events=[
            NewEvent(
                tenant_id=tenant.pk,
                kind=kind,
                occurred_at=timezone.now(),
                data=dict(data),
                actor_id=by.pk if by is not None else None,
            )
        ]
    )
