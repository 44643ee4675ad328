"""The limits a home must keep to be shown at all: musts, features that must be there, and deal-breakers.

A must is broken only by what a home states. What it does not state never breaks one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from matching import areas, factors, features
from matching.factors import NO_MARKET, Market
from matching.homes import CONDITIONS, SUB_TYPES, Flags, Homes, Ints, Values
from matching.wants import MUSTS, Wants

STATUS = "standard_status"
AT_MOST: Mapping[str, str] = {"price_max": "list_price", "sqft_max": "living_area"}
AT_LEAST: Mapping[str, str] = {
    "beds_min": "bedrooms_total",
    "baths_min": "baths",
    "sqft_min": "living_area",
    "lot_min": "lot_size_square_feet",
    "year_min": "year_built",
}
"""Limits of the wants, and the column of the homes each is for."""


@dataclass(frozen=True, slots=True)
class Must:
    """One limit: a field of the wants, with the feature it speaks of where it is a list of them."""

    limit: str
    factor: str = ""
    """Empty for the status: what is not for sale cannot be wished for."""
    feature: str = ""

    @property
    def key(self) -> str:
        return f"{self.limit}:{self.feature}" if self.feature else self.limit


Breaks = Callable[[Homes, Wants, Market], Flags]


def musts_of(wants: Wants) -> tuple[Must, ...]:
    """Return every limit that can rule a home out, the status first."""
    musts = [Must(STATUS)]
    musts += [
        Must(limit, factor)
        for factor, limits in MUSTS.items()
        if wants.is_must(factor)
        for limit in limits
        if getattr(wants, limit)
    ]
    musts += [Must("must_haves", "features", name) for name in wants.must_haves]
    musts += [Must("deal_breakers", "features", name) for name in wants.deal_breakers]
    return tuple(musts)


def broken_by(must: Must, homes: Homes, wants: Wants, market: Market = NO_MARKET) -> Flags:
    """Tell which homes break a limit."""
    if must.feature:
        states = homes.features[:, features.INDEX[must.feature]]
        broken: Flags = states == (features.NO if must.limit == "must_haves" else features.YES)
        return broken
    if must.limit in AT_MOST:
        return _above(must.limit, homes, wants)
    if must.limit in AT_LEAST:
        return _below(must.limit, homes, wants)
    return _BREAKS[must.limit](homes, wants, market)


def broken(homes: Homes, wants: Wants, market: Market = NO_MARKET) -> Ints:
    """Return for each home the limits it breaks: bit k stands for limit k of `musts_of`."""
    bits = np.zeros(len(homes), dtype=np.int64)
    for number, must in enumerate(musts_of(wants)):
        bits |= broken_by(must, homes, wants, market).astype(np.int64) << number
    return bits


def _outside(homes: Homes, wants: Wants, market: Market) -> Flags:
    """Tell which homes have a place, and it lies in none of the areas."""
    out = ~np.isnan(homes.latitude)
    for area in wants.areas:
        out &= ~areas.inside(homes.latitude, homes.longitude, area.polygon)
    return out


def _other_type(homes: Homes, wants: Wants, market: Market) -> Flags:
    wanted = np.array([name in wants.types for name in SUB_TYPES] + [True])
    return ~wanted[homes.property_sub_type]


def _worse_condition(homes: Homes, wants: Wants, market: Market) -> Flags:
    assert wants.condition is not None
    return homes.condition > CONDITIONS.index(wants.condition)


def _too_far(homes: Homes, wants: Wants, market: Market) -> Flags:
    far = np.zeros(len(homes), dtype=np.bool_)
    for target, minutes in zip(wants.commute_targets, factors.commute_minutes(homes, wants), strict=True):
        far |= minutes > target.max_minutes
    return far


def _too_dear(homes: Homes, wants: Wants, market: Market) -> Flags:
    assert wants.monthly_max is not None
    return factors.monthly_costs(homes, wants, market) > wants.monthly_max


def _too_little_return(homes: Homes, wants: Wants, market: Market) -> Flags:
    assert wants.investor is not None
    return factors.cap_rates(homes, wants.investor) < wants.investor.min_cap


def _above(limit: str, homes: Homes, wants: Wants) -> Flags:
    value: Values = getattr(homes, AT_MOST[limit])
    limited: float = getattr(wants, limit)
    return value > limited


def _below(limit: str, homes: Homes, wants: Wants) -> Flags:
    value: Values = getattr(homes, AT_LEAST[limit])
    limited: float = getattr(wants, limit)
    return value < limited


_BREAKS: Mapping[str, Breaks] = {
    STATUS: lambda homes, wants, market: ~homes.available,
    "areas": _outside,
    "types": _other_type,
    "condition": _worse_condition,
    "commute_targets": _too_far,
    "monthly_max": _too_dear,
    "investor": _too_little_return,
}
