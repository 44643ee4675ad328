"""Listings as they stood on any day: columns of contracts and their changes, cut into spells; pure.

Days are whole numbers (proleptic ordinals). A spell begins on its first day and ends on the day it is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from matching.market.metrics import Period, cumulative_days

Days = NDArray[np.int64]
Codes = NDArray[np.int64]
Values = NDArray[np.float64]

NEVER = 10_000_000
"""A day that does not come: not known, or not yet."""


class Phase(IntEnum):
    """Where a listing stands, as far as the market goes."""

    AWAY = 0
    ACTIVE = 1
    PENDING = 2
    CLOSED = 3


UNSAID = -1


@dataclass(frozen=True, slots=True)
class Contracts:
    """Columns of listings: a listing is one contract to sell a home."""

    phase: Codes
    """Now."""
    started: Days
    is_start_known: NDArray[np.bool_]
    """Whether `started` is more than the day it was first seen."""
    contracted: Days
    closed: Days
    off: Days
    list_price: Values
    original_price: Values
    close_price: Values
    living_area: Values
    home: Codes
    """Which home it is of; −1 where only this listing is known of it."""

    def __len__(self) -> int:
        return len(self.phase)


@dataclass(frozen=True, slots=True)
class Changes:
    """Columns of changes of phase, by listing and time; `before` is −1 where nothing was known."""

    listing: Codes
    day: Days
    before: Codes
    after: Codes


@dataclass(frozen=True, slots=True)
class Prices:
    """Columns of changes of price, by listing and time; NaN is not known."""

    listing: Codes
    day: Days
    before: Values
    after: Values


@dataclass(frozen=True, slots=True)
class Spells:
    """Columns of spells, by listing and day; no two of a listing that touch are of one phase."""

    listing: Codes
    begin: Days
    end: Days
    phase: Codes

    def standing(self, phase: Phase, day: int) -> Codes:
        """Return the listings in a phase at the end of a day."""
        found: Codes = self.listing[(self.phase == phase) & (self.begin <= day) & (self.end > day)]
        return found

    def entering(self, phase: Phase, first: int, last: int) -> Codes:
        """Return the listings that came into a phase within some days, each once."""
        return np.unique(self.listing[(self.phase == phase) & (self.begin >= first) & (self.begin <= last)])

    def days_active(self, count: int) -> Values:
        """Return each listing's days on the market once it is left; of one still there, those never end."""
        is_active = self.phase == Phase.ACTIVE
        days = (self.end - self.begin)[is_active].astype(np.float64)
        total: Values = np.bincount(self.listing[is_active], weights=days, minlength=count).astype(np.float64)
        return total


def spells_of(contracts: Contracts, changes: Changes) -> Spells:
    """Cut listings into spells by the changes recorded, and by their dates before the first of those.

    A listing that is no longer for sale, of which nothing tells since when, is left out.
    """
    count = len(contracts)
    first, first_before = np.full(count, NEVER), np.full(count, UNSAID)
    head = np.ones(len(changes.listing), dtype=bool)
    head[1:] = changes.listing[1:] != changes.listing[:-1]
    first[changes.listing[head]] = changes.day[head]
    first_before[changes.listing[head]] = changes.before[head]

    index = np.arange(count)
    is_sold, is_away = contracts.phase == Phase.CLOSED, contracts.phase == Phase.AWAY
    closed = np.where(is_sold, contracts.closed, NEVER)
    dates_tell = first_before != Phase.ACTIVE  # else it was active up to its first change
    contracted = np.where(contracts.contracted < NEVER, contracts.contracted, contracts.off)
    under_contract = ((contracts.phase == Phase.PENDING) | is_sold) & dates_tell
    until = np.minimum(first, closed)
    rows = [
        _rows(index, contracts.started, Phase.ACTIVE, 0, contracts.started < until),
        _rows(index, contracted, Phase.PENDING, 1, under_contract & (contracted < until)),
        _rows(index, contracts.off, Phase.AWAY, 1, is_away & dates_tell & (contracts.off < until)),
        _rows(index, closed, Phase.CLOSED, 3, closed < NEVER),
    ]
    counted = changes.day < closed[changes.listing]
    rows.append(
        (
            changes.listing[counted],
            changes.day[counted],
            changes.after[counted],
            np.full(int(counted.sum()), 2),
        )
    )
    listing, day, phase, turn = (np.concatenate(column) for column in zip(*rows, strict=True))
    order = np.lexsort((turn, day, listing))  # stable: changes of one day stay in their order
    listing, day, phase = listing[order], day[order], phase[order]

    listing, day, phase = _keep(_lasts_a_day(listing, day), listing, day, phase)
    listing, day, phase = _keep(_is_another(listing, phase), listing, day, phase)
    end = np.full(len(day), NEVER)
    end[:-1] = np.where(listing[1:] == listing[:-1], day[1:], NEVER)
    lost = np.zeros(count, dtype=bool)
    still = (end == NEVER) & ((phase == Phase.ACTIVE) | (phase == Phase.PENDING))
    lost[listing[still]] = phase[still] != contracts.phase[listing[still]]
    known = ~lost[listing]
    return Spells(listing[known], day[known], end[known], phase[known])


def _rows(
    index: Codes, day: Days, phase: Phase, turn: int, kept: NDArray[np.bool_]
) -> tuple[Codes, Days, Codes, Codes]:
    count = int(kept.sum())
    return index[kept], day[kept], np.full(count, int(phase)), np.full(count, turn)


def _keep(kept: NDArray[np.bool_], *columns: Codes) -> tuple[Codes, Codes, Codes]:
    one, two, three = (column[kept] for column in columns)
    return one, two, three


def _lasts_a_day(listing: Codes, day: Days) -> NDArray[np.bool_]:
    """Tell which rows are the last of their listing's day."""
    last = np.ones(len(day), dtype=bool)
    last[:-1] = (listing[1:] != listing[:-1]) | (day[1:] != day[:-1])
    return last


def _is_another(listing: Codes, phase: Codes) -> NDArray[np.bool_]:
    """Tell which rows begin a listing or another phase."""
    other = np.ones(len(phase), dtype=bool)
    other[1:] = (listing[1:] != listing[:-1]) | (phase[1:] != phase[:-1])
    return other


def prices_at(contracts: Contracts, prices: Prices, day: int) -> Values:
    """Return each listing's price at the end of a day: as last changed, else as before the next change."""
    count = len(contracts)
    told = contracts.list_price.copy()
    is_later = prices.day > day
    later, before = prices.listing[is_later][::-1], prices.before[is_later][::-1]
    told[later] = np.where(np.isnan(before), told[later], before)  # written in turn: the earliest stands
    earlier = np.full(count, np.nan)
    earlier[prices.listing[~is_later]] = prices.after[~is_later]
    return np.where(np.isnan(earlier), told, earlier)


def first_prices(contracts: Contracts, prices: Prices) -> Values:
    """Return what each listing asked at first: as stated, else before its first change, else as now."""
    first = np.full(len(contracts), np.nan)
    first[prices.listing[::-1]] = prices.before[::-1]
    told = np.where(np.isnan(contracts.original_price), first, contracts.original_price)
    return np.where(np.isnan(told), contracts.list_price, told)


def cumulative_of(contracts: Contracts, spells: Spells, days: Values, reset_gap_days: int) -> Values:
    """Return days on market over the listings of a home, back to a sale or a long enough gap."""
    told = days.copy()
    begin, end = np.full(len(contracts), NEVER), np.full(len(contracts), -1)
    is_active = spells.phase == Phase.ACTIVE
    np.minimum.at(begin, spells.listing[is_active], spells.begin[is_active])
    np.maximum.at(end, spells.listing[is_active], spells.end[is_active])
    of_home = np.flatnonzero((contracts.home >= 0) & (end >= 0) & (end < NEVER))
    of_home = of_home[np.lexsort((begin[of_home], contracts.home[of_home]))]
    for group in np.split(of_home, np.flatnonzero(np.diff(contracts.home[of_home])) + 1):
        for last in range(1, len(group)):
            told[group[last]] = cumulative_days(
                [_period(contracts, begin, end, days, one) for one in group[: last + 1]], reset_gap_days
            )
    return told


def _period(contracts: Contracts, begin: Days, end: Days, days: Values, at: int) -> Period:
    return Period(
        date.fromordinal(int(begin[at])),
        date.fromordinal(int(end[at])),
        int(days[at]),
        bool(contracts.phase[at] == Phase.CLOSED),
    )
