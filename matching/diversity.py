"""Show homes that differ, and one in ten from beyond what the buyer has been looking at.

A list is filled by maximal marginal relevance: the next home is the one whose total, less its likeness to the
nearest of those already chosen, is highest. Homes are alike by facts of the homes alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from matching import commute
from matching.engine import EVEN, Matches, best
from matching.homes import Flags, Homes, Ints, Values

LAMBDA = 0.7
EVERY = 10
FIRST_FREE = 3
"""The first places of every ten never hold what is shown to explore."""

POOL = 5
"""How many times the homes asked for are looked at, to choose different ones among them."""

CANDIDATES = 50
"""Among how many of the best homes outside the band one is drawn."""

ENOUGH = 5
"""Homes a buyer must have looked at closely before these have a band."""

_BAND = ("list_price", "living_area", "bedrooms_total", "year_built", "lot_size_square_feet")
_SPREADS = {"list_price": 0.15, "living_area": 0.2, "lot_size_square_feet": 0.6}
"""Differences in logarithms at which homes are no longer alike."""
_YEARS, _MILES, _BEDS = 20.0, 2.0, 1.0


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a list: the row of the home, and whether it is there to explore."""

    row: int
    explored: bool = False


def reranked(relevance: Values, similarity: Values, count: int, *, trade: float = LAMBDA) -> Ints:
    """Return k items ordered by maximal marginal relevance; similarity is (k, k). Ties keep their order."""
    left = np.ones(len(relevance), dtype=np.bool_)
    nearest = np.zeros(len(relevance))
    order: list[int] = []
    for _ in range(min(count, len(relevance))):
        gains = np.where(left, trade * relevance - (1.0 - trade) * nearest, -np.inf)
        chosen = int(np.flatnonzero(gains >= gains.max() - EVEN)[0])
        order.append(chosen)
        left[chosen] = False
        nearest = np.maximum(nearest, similarity[chosen])
    return np.array(order, dtype=np.int64)


def similarity(homes: Homes) -> Values:
    """Return how alike homes are (k, k), 0–1: in price, size, lot, rooms, age, kind and place.

    Each fact that both state counts alike; two homes that share no stated fact are not alike.
    """
    parts = [
        np.exp(-((_apart(np.log(getattr(homes, name))) / spread) ** 2)) for name, spread in _SPREADS.items()
    ]
    parts.append(np.exp(-((_apart(homes.year_built) / _YEARS) ** 2)))
    parts.append(np.exp(-((_apart(homes.bedrooms_total) / _BEDS) ** 2)))
    kinds = np.where(homes.property_sub_type < 0, np.nan, homes.property_sub_type)
    parts.append(np.where(np.isnan(_apart(kinds)), np.nan, _apart(kinds) == 0))
    miles = np.stack(
        [
            commute.straight_miles(homes.latitude, homes.longitude, (y, x))
            for y, x in zip(homes.latitude.tolist(), homes.longitude.tolist(), strict=True)
        ]
    )
    parts.append(np.exp(-((miles / _MILES) ** 2)))
    stacked = np.stack(parts)
    known = ~np.isnan(stacked)
    count = known.sum(axis=0)
    alike: Values = np.where(known, stacked, 0.0).sum(axis=0) / np.maximum(count, 1)
    return alike


def _apart(values: Values) -> Values:
    apart: Values = np.abs(values[:, None] - values[None, :])
    return apart


@dataclass(frozen=True, slots=True)
class Band:
    """What a buyer has been looking at: from a low to a high value of each fact."""

    facts: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    def outside(self, homes: Homes) -> Flags:
        """Tell which homes state a fact beyond the band."""
        out = np.zeros(len(homes), dtype=np.bool_)
        for name, low, high in zip(self.facts, self.low, self.high, strict=True):
            values: Values = getattr(homes, name)
            out |= (values < low) | (values > high)
        return out


def band_of(looked_at: Homes) -> Band | None:
    """Return the band of the homes a buyer looked at closely: their middle eight tenths, fact by fact."""
    facts, low, high = [], [], []
    for name in _BAND:
        values: Values = getattr(looked_at, name)
        stated = values[~np.isnan(values)]
        if len(stated) >= ENOUGH:
            facts.append(name)
            low.append(float(np.quantile(stated, 0.1)))
            high.append(float(np.quantile(stated, 0.9)))
    return Band(tuple(facts), tuple(low), tuple(high)) if facts else None


def shelf(
    homes: Homes,
    matches: Matches,
    count: int,
    *,
    seed: int,
    band: Band | None = None,
    exploring: Values | None = None,
    leave_out: Sequence[int] = (),
) -> tuple[Slot, ...]:
    """Return a list of different homes that fit, one of every ten of them there to explore, and marked.

    All lie inside the musts. The one to explore is drawn, by the seed, from those outside the band that fit
    best by `exploring` totals (under weights drawn by Thompson; the matches' own unless given). Who has no
    band yet explores among the homes after the best. `leave_out` are rows never to show.
    """
    rng = np.random.default_rng(seed)
    open_to = ~matches.excluded
    open_to[np.asarray(leave_out, dtype=np.int64)] = False
    pool = matches.top(POOL * count, open_to)
    if not pool.size:
        return ()
    order = pool[reranked(matches.totals[pool], similarity(homes.take(pool)), count)]
    beyond = open_to.copy() if band is None else open_to & band.outside(homes)
    beyond[pool if band is None else order] = False
    totals = matches.totals if exploring is None else exploring
    slots = [Slot(int(row)) for row in order]
    for begin in range(0, count, EVERY):
        rows = np.flatnonzero(beyond)
        place = begin + int(rng.integers(FIRST_FREE, EVERY))
        if not rows.size or place >= len(slots):
            continue
        near = rows[best(totals[rows], matches.pk[rows], CANDIDATES)]
        drawn = int(rng.choice(near))
        beyond[drawn] = False
        slots.insert(place, Slot(drawn, explored=True))
    return tuple(slots[:count])
