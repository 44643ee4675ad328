"""Measures of a market, each as the trade defines it; shares are parts of one, None is not known."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from importlib import resources

import numpy as np
from numpy.typing import ArrayLike, NDArray

Values = NDArray[np.float64]
DAYS_PER_MONTH = 30.0
MONTHS = 12


class MarketType(StrEnum):
    """Whom the balance of homes and buyers favours."""

    SELLER = "seller"
    BALANCED = "balanced"
    BUYER = "buyer"


@dataclass(frozen=True, slots=True)
class Rules:
    """What is agreed and not measured."""

    seller_below: float
    buyer_above: float
    windows: tuple[int, ...]
    """Months of sales that months of supply rest on, the most preferred first."""
    least: int
    """A median, a share or a ratio of fewer homes is not told."""
    reset_gap_days: int


def rules_of(told: Mapping[str, Mapping[str, object]]) -> Rules:
    """Return the rules a table tells; refuse those that contradict themselves."""
    rules = Rules(
        seller_below=_number(told["types"]["seller_below"]),
        buyer_above=_number(told["types"]["buyer_above"]),
        windows=tuple(int(_number(one)) for one in _list(told["supply"]["windows"])),
        least=int(_number(told["counts"]["least"])),
        reset_gap_days=int(_number(told["cumulative"]["reset_gap_days"])),
    )
    if rules.seller_below > rules.buyer_above or min(rules.windows, default=0) < 1:
        raise ValueError("The rules of the market contradict themselves.")
    return rules


def _number(told: object) -> float:
    if isinstance(told, bool) or not isinstance(told, int | float):
        raise ValueError(f"{told!r} is no number.")
    return float(told)


def _list(told: object) -> Sequence[object]:
    if not isinstance(told, list):
        raise ValueError(f"{told!r} is no list.")
    return told


RULES = rules_of(tomllib.loads(resources.files("matching.data").joinpath("market.toml").read_text("utf-8")))


def months_of_inventory(active: float, sold_per_month: float) -> float | None:
    """Return how long the homes for sale last at a month's sales, closed or newly pending."""
    return active / sold_per_month if sold_per_month > 0 else None


def absorption_rate(active: float, sold_per_month: float) -> float | None:
    """Return the share of the homes for sale that a month takes."""
    return sold_per_month / active if active > 0 else None


def market_type(months: float, rules: Rules = RULES) -> MarketType:
    """Return whom so many months of supply favour."""
    if months < rules.seller_below:
        return MarketType.SELLER
    return MarketType.BUYER if months > rules.buyer_above else MarketType.BALANCED


def sale_chance(active: float, sold_per_month: float, days: float) -> float | None:
    """Return how likely one home among equals is sold within so many days, at a constant hazard."""
    if active <= 0:
        return None
    return -math.expm1(-sold_per_month / active * days / DAYS_PER_MONTH)


@dataclass(frozen=True, slots=True)
class SaleToList:
    """What homes sold for against what was asked, as parts of one."""

    count: int
    mean: float
    median: float
    aggregate: float
    """All that was paid against all that was asked."""
    mean_to_original: float
    share_above: float
    """Of the homes, those sold above their last price."""


def sale_to_list(listed: ArrayLike, original: ArrayLike, closed: ArrayLike) -> SaleToList | None:
    """Return sale-to-list over homes sold; None where there is none."""
    last, first, paid = (np.asarray(one, dtype=np.float64) for one in (listed, original, closed))
    if len(paid) == 0:
        return None
    ratios = paid / last
    return SaleToList(
        count=len(paid),
        mean=float(ratios.mean()),
        median=float(np.median(ratios)),
        aggregate=float(paid.sum() / last.sum()),
        mean_to_original=float((paid / first).mean()),
        share_above=float((paid > last).mean()),
    )


def price_per_square_foot(prices: ArrayLike, areas: ArrayLike) -> float | None:
    """Return the median price of a square foot over homes whose living area is known."""
    paid, room = np.asarray(prices, dtype=np.float64), np.asarray(areas, dtype=np.float64)
    known = np.isfinite(paid) & (room > 0)
    return float(np.median(paid[known] / room[known])) if known.any() else None


def price_drop_share(listed: ArrayLike, original: ArrayLike) -> float | None:
    """Return the share of homes for sale that ask less than at first."""
    last, first = np.asarray(listed, dtype=np.float64), np.asarray(original, dtype=np.float64)
    return float((last < first).mean()) if len(last) else None


def share_under(days: ArrayLike, limit: float) -> float | None:
    """Return the share of homes that took less than so many days."""
    told = np.asarray(days, dtype=np.float64)
    return float((told < limit).mean()) if len(told) else None


def days_on_market(begin: date, end: date, holds: Sequence[tuple[date, date]] = ()) -> int:
    """Return days up to the accepted contract, without pauses; the first day counts, the last not."""
    paused, reached = 0, begin
    for start, stop in sorted(holds):
        start, stop = max(start, reached), min(stop, end)
        if stop > start:
            paused += (stop - start).days
            reached = stop
    return max(0, (end - begin).days - paused)


@dataclass(frozen=True, slots=True)
class Period:
    """One listing contract of a home: when it came and went, its days on market, and whether it sold."""

    begin: date
    end: date
    days: int
    is_sold: bool = False


def cumulative_days(periods: Sequence[Period], reset_gap_days: int) -> int:
    """Return the days a home's last listing and those before it took, back to a sale or a long enough gap."""
    total = 0
    before: Period | None = None
    for period in sorted(periods, key=lambda one: (one.begin, one.end)):
        if before is not None and (before.is_sold or (period.begin - before.end).days >= reset_gap_days):
            total = 0
        total += period.days
        before = period
    return total


def seasonal_index(values: ArrayLike, first_month: int) -> Values | None:
    """Return how much of an average month each month of the year is, January first, the average being 100.

    The median over the years of a month against the twelve months centred on it, so that neither a trend
    nor one odd year counts; None where some month of the year has no such value.
    """
    told = np.asarray(values, dtype=np.float64)
    if len(told) < 2 * MONTHS:
        return None
    kernel = np.r_[0.5, np.ones(MONTHS - 1), 0.5] / MONTHS
    trend = np.convolve(told, kernel, mode="valid")
    inner = told[MONTHS // 2 : MONTHS // 2 + len(trend)]
    ratios = np.divide(inner, trend, out=np.full_like(trend, np.nan), where=trend > 0)
    month = (first_month - 1 + MONTHS // 2 + np.arange(len(ratios))) % MONTHS
    medians = np.full(MONTHS, np.nan)
    for one in range(MONTHS):
        of_month = ratios[(month == one) & np.isfinite(ratios)]
        if len(of_month) == 0:
            return None
        medians[one] = np.median(of_month)
    return medians / medians.mean() * 100.0 if medians.sum() > 0 else None


@dataclass(frozen=True, slots=True)
class Funnel:
    """How people came from seeing a home to offering for it; a rate of nobody is None."""

    views: int
    saves: int
    inquiries: int
    showings: int
    second_showings: int
    offers: int

    @property
    def save_rate(self) -> float | None:
        return _part(self.saves, self.views)

    @property
    def inquiry_rate(self) -> float | None:
        return _part(self.inquiries, self.views)

    @property
    def showings_per_inquiry(self) -> float | None:
        return _part(self.showings, self.inquiries)

    @property
    def offers_per_showing(self) -> float | None:
        return _part(self.offers, self.showings)


def _part(of: int, all_of: int) -> float | None:
    return of / all_of if all_of else None
