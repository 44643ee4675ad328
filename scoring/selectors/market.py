"""The market as a tenant entered it: its rows, the conditions they make now, and how old they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from leads.models import Tenant
from scoring.models import MarketMonth, MortgageRate, WeightSettings
from scoring.weights import Adjustment, MarketConditions, Series, conditions_at, market_weights
from scoring.weights.market import RECENT_MONTHS, STALE, YEAR

LOOKED_BACK = YEAR + STALE + timedelta(days=31)
"""How old a month may be to say something of now: a year before the newest that still counts."""


@dataclass(frozen=True, slots=True)
class Market:
    """What is known of a tenant's market, and what it would do to the weights."""

    area: str
    """The area that counts; empty where there is none, or several and none was chosen."""
    areas: tuple[str, ...]
    conditions: MarketConditions
    adjustment: Adjustment
    latest: date | None
    """Last day of the newest month of the area that counts."""
    rate_at: date | None
    is_stale: bool
    """Whether the newest month is too old to count."""
    is_rate_stale: bool
    missing: int
    """Months with sales still needed to tell the months of supply."""

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing was entered."""
        return not self.areas and self.rate_at is None

    @property
    def inventory_percent(self) -> float:
        """Return how many more homes are for sale than a year ago; nought where it is not known."""
        return 100.0 * (self.conditions.inventory_change or 0.0)

    @property
    def must_choose(self) -> bool:
        """Tell whether there are several areas and none counts."""
        return not self.area and len(self.areas) > 1


def weight_settings(tenant: Tenant) -> WeightSettings:
    """Return what turns a tenant's weights; a row not kept yet where nobody has set anything."""
    row = WeightSettings.objects.filter(tenant=tenant).select_related("set_by").first()
    return row if row is not None else WeightSettings(tenant=tenant)


def market_areas(tenant_id: int) -> tuple[str, ...]:
    """Return the areas a tenant has rows of."""
    rows = MarketMonth.objects.filter(tenant_id=tenant_id)
    return tuple(rows.order_by("area").values_list("area", flat=True).distinct())


def market_of(tenant_id: int, *, chosen: str, day: date) -> Market:
    """Return what is known of a tenant's market on a day, from the area chosen or the only one."""
    areas = market_areas(tenant_id)
    area = chosen if chosen in areas else areas[0] if len(areas) == 1 else ""
    months = _months(tenant_id, area, day) if area else []
    rates = _rates(tenant_id, day)
    inventory = [(row.ends, float(row.homes_for_sale)) for row in months if row.homes_for_sale is not None]
    sales = [(row.ends, float(row.homes_sold)) for row in months if row.homes_sold is not None]
    conditions = conditions_at(day, inventory=inventory, sales=sales, mortgage_rates=rates)
    latest = months[-1].ends if months else _latest(tenant_id, area)
    is_stale = latest is not None and day - latest > STALE
    if months and not is_stale and months[-1].months_of_supply is not None:
        conditions = replace(conditions, months_of_supply=months[-1].months_of_supply)
    rate_at = rates[-1][0] if rates else _latest_rate(tenant_id)
    return Market(
        area=area,
        areas=areas,
        conditions=conditions,
        adjustment=market_weights(conditions),
        latest=latest,
        rate_at=rate_at,
        is_stale=is_stale,
        is_rate_stale=rate_at is not None and day - rate_at > STALE,
        missing=max(0, RECENT_MONTHS - len(sales)) if area else 0,
    )


def _months(tenant_id: int, area: str, day: date) -> Sequence[MarketMonth]:
    """Return the months of an area that were over, the earliest first."""
    rows = MarketMonth.objects.filter(tenant_id=tenant_id, area=area, month__gte=day - LOOKED_BACK)
    return [row for row in rows.order_by("month") if row.ends <= day]


def _rates(tenant_id: int, day: date) -> Series:
    rows = MortgageRate.objects.filter(tenant_id=tenant_id, day__gte=day - YEAR, day__lte=day)
    return list(rows.order_by("day").values_list("day", "rate"))


def _latest(tenant_id: int, area: str) -> date | None:
    row = MarketMonth.objects.filter(tenant_id=tenant_id, area=area).order_by("-month").first()
    return row.ends if row is not None else None


def _latest_rate(tenant_id: int) -> date | None:
    rows = MortgageRate.objects.filter(tenant_id=tenant_id).order_by("-day")
    return rows.values_list("day", flat=True).first()
