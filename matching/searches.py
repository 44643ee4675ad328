"""One home against many searches at once: which of them it meets.

The musts of m searches are columns, as the facts of homes are elsewhere, and a home meets a search exactly if
it would not be excluded from that search's matches: what it does not state breaks nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from matching import commute, factors, features
from matching.factors import NO_MARKET, Market
from matching.homes import CONDITIONS, SUB_TYPES, Flags, Homes, Ints, Values
from matching.musts import AT_LEAST, AT_MOST
from matching.wants import Wants


@dataclass(frozen=True, slots=True)
class Searches:
    """The musts of m searches. What a search does not limit is held by a value no home breaks."""

    at_most: Values
    """(m, k) in the order of AT_MOST; infinity is no limit."""
    at_least: Values
    """(m, k) in the order of AT_LEAST."""
    types: Flags
    """(m, SUB_TYPES + 1): which kinds of home are taken; one not stated is."""
    condition: Ints
    """(m,): the worst class taken."""
    must_haves: Flags
    """(m, features)"""
    deal_breakers: Flags
    monthly_max: Values
    down_payment: Values
    """NaN is not stated; infinity is who pays cash."""
    min_cap: Values
    own_income: Values
    """Rent less expenses a year by the investor's own figures, for homes that state none."""
    corners: Values
    """(e, 4): one row for each edge of each area: latitude and longitude of both ends."""
    polygon: Ints
    """(e,): the area an edge belongs to."""
    searched: Ints
    """(areas,): the search an area belongs to."""
    targets: Values
    """(t, 3): latitude, longitude and the most minutes."""
    target_of: Ints
    """(t,): the search a target belongs to."""
    ways: tuple[tuple[str, float, Ints], ...]
    """How targets are reached: mode, an hour that stands for those of the same peak, and which targets."""

    def __len__(self) -> int:
        return len(self.condition)


def searches_of(wants: Sequence[Wants]) -> Searches:
    """Return the musts of searches as columns. A saved search limits by all it states: `as_filter`."""

    def limit(name: str, factor: str, none: float) -> list[float]:
        return [
            none if (value := getattr(each, name)) is None or not each.is_must(factor) else float(value)
            for each in wants
        ]

    edges: list[tuple[float, ...]] = []
    polygon: list[int] = []
    searched: list[int] = []
    targets: list[tuple[float, ...]] = []
    target_of: list[int] = []
    ways: dict[tuple[str, float], list[int]] = {}
    hours: dict[tuple[str, float], float] = {}
    for number, each in enumerate(wants):
        for area in each.areas if each.is_must("location") else ():
            for corner, following in zip(area.polygon, (*area.polygon[1:], area.polygon[0]), strict=True):
                edges.append((*corner, *following))
                polygon.append(len(searched))
            searched.append(number)
        for target in each.commute_targets if each.is_must("commute") else ():
            way = (target.mode.value, commute.peak_multiplier(target.arrive_by))
            ways.setdefault(way, []).append(len(targets))
            hours[way] = target.arrive_by
            targets.append((target.latitude, target.longitude, target.max_minutes))
            target_of.append(number)
    investors = [each.investor if each.is_must("financial_fit") else None for each in wants]
    return Searches(
        at_most=_columns([limit(name, _FACTOR[name], np.inf) for name in AT_MOST], len(wants)),
        at_least=_columns([limit(name, _FACTOR[name], -np.inf) for name in AT_LEAST], len(wants)),
        types=np.array([_types(each) for each in wants], dtype=np.bool_).reshape(-1, len(SUB_TYPES) + 1),
        condition=np.array([_condition(each) for each in wants], dtype=np.int64),
        must_haves=_listed(wants, "must_haves"),
        deal_breakers=_listed(wants, "deal_breakers"),
        monthly_max=np.array(limit("monthly_max", "financial_fit", np.inf)),
        down_payment=np.array([_down_payment(each) for each in wants]),
        min_cap=np.array([-np.inf if terms is None else terms.min_cap for terms in investors]),
        own_income=np.array([factors.own_income(terms) for terms in investors]),
        corners=np.array(edges, dtype=np.float64).reshape(-1, 4),
        polygon=np.array(polygon, dtype=np.int64),
        searched=np.array(searched, dtype=np.int64),
        targets=np.array(targets, dtype=np.float64).reshape(-1, 3),
        target_of=np.array(target_of, dtype=np.int64),
        ways=tuple((mode, hours[mode, peak], np.array(rows)) for (mode, peak), rows in ways.items()),
    )


def searches_hit(home: Homes, searches: Searches, *, market: Market = NO_MARKET) -> Flags:
    """Tell which searches one home meets (m,)."""
    if len(home) != 1:
        raise ValueError(f"One home is looked at, not {len(home)}.")
    if not home.available[0]:
        return np.zeros(len(searches), dtype=np.bool_)
    out = np.zeros(len(searches), dtype=np.bool_)
    for number, column in enumerate(AT_MOST.values()):
        out |= float(getattr(home, column)[0]) > searches.at_most[:, number]
    for number, column in enumerate(AT_LEAST.values()):
        out |= float(getattr(home, column)[0]) < searches.at_least[:, number]
    out |= ~searches.types[:, int(home.property_sub_type[0])]
    out |= int(home.condition[0]) > searches.condition
    for feature, state in enumerate(home.features[0].tolist()):
        if state == features.NO:
            out |= searches.must_haves[:, feature]
        elif state == features.YES:
            out |= searches.deal_breakers[:, feature]
    out |= _monthly(home, searches, market) > searches.monthly_max
    out |= _cap_rates(home, searches) < searches.min_cap
    for part in (_outside, _too_far):
        out |= part(home, searches)
    return ~out


_FACTOR = {
    "price_max": "price",
    "sqft_max": "size",
    "beds_min": "beds",
    "baths_min": "baths",
    "sqft_min": "size",
    "lot_min": "lot_age_condition",
    "year_min": "lot_age_condition",
}


def _columns(limits: list[list[float]], count: int) -> Values:
    return np.asfortranarray(np.array(limits, dtype=np.float64).reshape(len(limits), count).T)


def _types(wants: Wants) -> list[bool]:
    every = not (wants.types and wants.is_must("property_type"))
    return [every or name in wants.types for name in SUB_TYPES] + [True]


def _condition(wants: Wants) -> int:
    if wants.condition is None or not wants.is_must("lot_age_condition"):
        return len(CONDITIONS)
    return CONDITIONS.index(wants.condition)


def _listed(wants: Sequence[Wants], name: str) -> Flags:
    listed = np.zeros((len(wants), len(features.KEYS)), dtype=np.bool_, order="F")
    for number, each in enumerate(wants):
        listed[number, [features.INDEX[key] for key in getattr(each, name)]] = True
    return listed


def _down_payment(wants: Wants) -> float:
    if wants.financing == "cash":
        return np.inf
    return np.nan if wants.down_payment is None else wants.down_payment


def _monthly(home: Homes, searches: Searches, market: Market) -> Values:
    """Return what a home costs each searcher a month."""
    asked = home.list_price
    unstated = asked * (np.nan if market.down_share is None else 1.0 - market.down_share)
    loans = np.where(
        np.isnan(searches.down_payment), unstated, np.maximum(asked - searches.down_payment, 0.0)
    )
    costs = factors.costs_with(home, loans, market)
    return np.where(np.isposinf(searches.down_payment), factors.costs_with(home, None, market), costs)


def _cap_rates(home: Homes, searches: Searches) -> Values:
    income = float(home.net_operating_income[0])
    return (searches.own_income if np.isnan(income) else income) / home.list_price * 100.0


def _outside(home: Homes, searches: Searches) -> Flags:
    """Tell which searches have areas, and a home that has a place lies in none of them."""
    limited = np.zeros(len(searches), dtype=np.bool_)
    latitude, longitude = float(home.latitude[0]), float(home.longitude[0])
    if np.isnan(latitude) or not len(searches.searched):
        return limited
    y1, x1, y2, x2 = searches.corners.T
    beside = np.flatnonzero((latitude < y1) != (latitude < y2))
    y1, x1, y2, x2 = searches.corners[beside].T
    crossed = longitude < x1 + (latitude - y1) * ((x2 - x1) / (y2 - y1))
    odd = np.bincount(searches.polygon[beside[crossed]], minlength=len(searches.searched)) & 1
    limited[searches.searched] = True
    limited[searches.searched[odd == 1]] = False
    return limited


def _too_far(home: Homes, searches: Searches) -> Flags:
    """Tell which searches have a target a home lies too many minutes from."""
    far = np.zeros(len(searches), dtype=np.bool_)
    here = (float(home.latitude[0]), float(home.longitude[0]))
    for mode, hour, rows in searches.ways:
        latitude, longitude, most = searches.targets[rows].T
        minutes = commute.minutes(
            commute.road_miles(latitude, longitude, here),
            mode,
            hour,
            stop_miles=home.stop_miles,
            headway_minutes=home.headway_minutes,
        )
        far[searches.target_of[rows[minutes > most]]] = True
    return far
