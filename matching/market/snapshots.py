"""The figures of areas by month, from listings as they stood at its end; pure and vectorised."""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from matching.market.metrics import RULES, Rules, sale_chance
from matching.market.spells import (
    NEVER,
    Changes,
    Codes,
    Contracts,
    Phase,
    Prices,
    Spells,
    Values,
    cumulative_of,
    first_prices,
    prices_at,
    spells_of,
)

CHANCES = (30, 60, 90)


@dataclass(frozen=True, slots=True)
class Grouping:
    """Which area each listing counts in: a code into `names`, −1 for none."""

    names: Sequence[tuple[str, str, str]]
    """Kind, area, property sub type."""
    codes: Codes


@dataclass(frozen=True, slots=True)
class AreaMonth:
    """One area's figures in a month: name → the figure and how many homes it rests on."""

    kind: str
    area: str
    sub_type: str
    month: date
    as_of: date
    figures: dict[str, tuple[float, int]]


@dataclass(frozen=True, slots=True)
class Market:
    """Listings made ready for any month."""

    contracts: Contracts
    prices: Prices
    spells: Spells
    days: Values
    cumulative: Values
    first_price: Values
    since: int
    """The day of the first sale known; NEVER where none is."""


def market_of(contracts: Contracts, changes: Changes, prices: Prices, *, rules: Rules = RULES) -> Market:
    """Make listings ready for any month."""
    spells = spells_of(contracts, changes)
    days = spells.days_active(len(contracts))
    sales = spells.begin[spells.phase == Phase.CLOSED]
    cumulative = cumulative_of(contracts, spells, days, rules.reset_gap_days)
    days, cumulative = (np.where(contracts.is_start_known, one, np.nan) for one in (days, cumulative))
    return Market(
        contracts,
        prices,
        spells,
        days,
        cumulative,
        first_prices(contracts, prices),
        int(sales.min()) if len(sales) else NEVER,
    )


def month_end(month: date) -> date:
    """Return the last day of a month."""
    return month.replace(day=calendar.monthrange(month.year, month.month)[1])


def months_before(day: date, months: int) -> date:
    """Return the same day some months earlier, or the last of that month."""
    count = day.year * 12 + day.month - 1 - months
    year, month = divmod(count, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def area_months(
    market: Market, groupings: Sequence[Grouping], month: date, today: date, *, rules: Rules = RULES
) -> Iterator[AreaMonth]:
    """Yield the figures of every area that has any, as of a month's end or, while it runs, today."""
    as_of = min(month_end(month), today)
    first, last = month.toordinal(), as_of.toordinal()
    contracts, spells = market.contracts, market.spells
    active, pending = (spells.standing(phase, last) for phase in (Phase.ACTIVE, Phase.PENDING))
    sold = spells.entering(Phase.CLOSED, first, last)
    started = np.flatnonzero((contracts.started >= first) & (contracts.started <= last))
    newly_pending = spells.entering(Phase.PENDING, first, last)
    window, begin = _window(market, as_of, rules)
    sold_in_window = spells.entering(Phase.CLOSED, begin, last)

    asked = prices_at(contracts, market.prices, last)
    paid, closing_ask = contracts.close_price, contracts.list_price
    with np.errstate(divide="ignore", invalid="ignore"):
        to_list, to_first = paid / closing_ask, paid / market.first_price
        per_foot = np.where(contracts.living_area > 0, paid / contracts.living_area, np.nan)
    above = np.where(np.isnan(to_list), np.nan, to_list > 1.0)
    dropped = np.where(np.isnan(asked + market.first_price), np.nan, asked < market.first_price)
    is_priced = np.isfinite(to_list)
    for grouping in groupings:
        codes, size = grouping.codes, len(grouping.names)
        counts = {
            name: _counted(codes, rows, size)
            for name, rows in (
                ("homes_for_sale", active),
                ("homes_pending", pending),
                ("new_listings", started),
                ("new_pending", newly_pending),
                ("homes_sold", sold),
                ("sold_in_window", sold_in_window),
            )
        }
        spreads = {
            "days_on_market": _medians(codes, sold, market.days, size),
            "cumulative_days_on_market": _medians(codes, sold, market.cumulative, size),
            "sale_to_list": _medians(codes, sold, to_list, size),
            "sale_to_list_mean": _means(codes, sold, to_list, size),
            "sale_to_original": _means(codes, sold, to_first, size),
            "share_above_list": _means(codes, sold, above, size),
            "price_drop_share": _means(codes, active, dropped, size),
            "list_price": _medians(codes, active, asked, size),
            "sale_price": _medians(codes, sold, paid, size),
            "price_per_square_foot": _medians(codes, sold, per_foot, size),
        }
        priced = sold[is_priced[sold]]
        total_paid, total_asked = (_sums(codes, priced, one, size) for one in (paid, closing_ask))
        priced_counts = _counted(codes, priced, size)
        for code in map(int, np.flatnonzero(sum(counts.values()))):
            figures = {
                name: (float(of[code]), int(of[code]))
                for name, of in counts.items()
                if name != "sold_in_window"
            }
            figures |= {
                name: (float(values[code]), int(known[code]))
                for name, (values, known) in spreads.items()
                if known[code]
            }
            if priced_counts[code]:
                aggregate = float(total_paid[code] / total_asked[code])
                figures["sale_to_list_aggregate"] = (aggregate, int(priced_counts[code]))
            figures |= _balance(
                int(counts["homes_for_sale"][code]),
                int(counts["sold_in_window"][code]),
                int(counts["new_pending"][code]) if as_of == month_end(month) else 0,
                window,
            )
            kind, area, sub_type = grouping.names[code]
            yield AreaMonth(kind, area, sub_type, month, as_of, figures)


def _window(market: Market, as_of: date, rules: Rules) -> tuple[int, int]:
    """Return how many months of sales count, the most that are known of, and their first day."""
    for months in rules.windows:
        begin = months_before(date.fromordinal(as_of.toordinal() + 1), months).toordinal()
        if begin >= market.since:
            return months, begin
    return 0, NEVER


def _balance(active: int, sold: int, newly_pending: int, window: int) -> dict[str, tuple[float, int]]:
    """Return what homes for sale and sales say of each other."""
    figures: dict[str, tuple[float, int]] = {}
    if newly_pending:
        figures["months_of_supply_pending"] = (active / newly_pending, newly_pending)
    if not window:
        return figures
    figures["window_months"] = (float(window), sold)
    pace = sold / window
    if sold:
        figures["months_of_supply"] = (active / pace, sold)
    if active:
        figures["absorption_rate"] = (pace / active, active)
        for days in CHANCES:
            chance = sale_chance(active, pace, days)
            if chance is not None:
                figures[f"chance_{days}"] = (chance, sold)
    return figures


def _inside(codes: Codes, rows: Codes) -> tuple[Codes, Codes]:
    """Return the rows that count somewhere, and where."""
    where = codes[rows]
    return rows[where >= 0], where[where >= 0]


def _counted(codes: Codes, rows: Codes, size: int) -> Codes:
    return np.bincount(_inside(codes, rows)[1], minlength=size)


def _sums(codes: Codes, rows: Codes, values: Values, size: int) -> Values:
    rows, where = _inside(codes, rows)
    return np.bincount(where, weights=values[rows], minlength=size).astype(np.float64)


def _means(codes: Codes, rows: Codes, values: Values, size: int) -> tuple[Values, Codes]:
    """Return means of what is known, by code, and of how many."""
    known = rows[np.isfinite(values[rows])]
    counts = _counted(codes, known, size)
    return _sums(codes, known, values, size) / np.maximum(counts, 1), counts


def _medians(codes: Codes, rows: Codes, values: Values, size: int) -> tuple[Values, Codes]:
    """Return medians of what is known, by code, and of how many."""
    known, where = _inside(codes, rows[np.isfinite(values[rows])])
    order = np.lexsort((values[known], where))
    ordered, counts = values[known][order], np.bincount(where, minlength=size)
    medians = np.zeros(size)
    some = counts > 0
    start = (np.cumsum(counts) - counts)[some]
    low, high = start + (counts[some] - 1) // 2, start + counts[some] // 2
    medians[some] = (ordered[low] + ordered[high]) / 2.0 if len(ordered) else 0.0
    return medians, counts
