"""Market rows a tenant enters or imports, and whether they turn its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import transaction
from django.utils import timezone

from leads.errors import DomainError
from leads.events import Kind
from leads.models import Tenant, User
from leads.services.events import NewEvent, record_events
from scoring import selectors
from scoring.market_files import FIGURES, MonthFact, read_market
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
        row.by, row.made_at = by, now
        rows.append(row)
    MarketMonth.objects.bulk_create(
        [row for row in rows if row.pk is None],
        batch_size=BATCH,
    )
    MarketMonth.objects.bulk_update(
        [row for row in rows if row.pk is not None and (row.area, row.month) in there],
        [*FIGURES, "by", "made_at"],
        batch_size=BATCH,
    )
    MortgageRate.objects.bulk_create(
        [
            MortgageRate(tenant=tenant, day=day, rate=rate, by=by, made_at=now)
            for day, rate in (rates or {}).items()
        ],
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["tenant", "day"],
        update_fields=["rate", "by", "made_at"],
    )
    _changed(settings, by, {"months": len(rows), "rates": len(rates or {})})


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
