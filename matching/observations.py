"""Set what a buyer states beside what they save: "you ask for 4 bedrooms; 9 of 12 saved homes have 3".

Counts are exact, over the saved homes that state the fact. Where most of them lie beyond what was stated,
the statement is shown with the change of the wants that would follow it, for the buyer to accept or reject.
Place, schools and hazards are never observed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from matching import features
from matching.features import States
from matching.homes import SUB_TYPES, Flags, Homes, Values
from matching.reasons import money, quantity, type_name
from matching.wants import MIDDLE, Wants

ENOUGH = 4
"""Saved homes that must state a fact."""

MOST_OF = 0.6
"""The share of them from which it is told."""

CLEARLY = 0.25
"""By how much the share of saved homes with a feature must be above that of all homes."""

_EQUAL = {"beds_min": ("bedrooms_total", "bedrooms"), "baths_min": ("baths", "baths")}
_LOWER = {
    "sqft_min": ("living_area", "sq ft", 50.0),
    "lot_min": ("lot_size_square_feet", "sq ft of lot", 100.0),
    "year_min": ("year_built", "", 1.0),
}


@dataclass(frozen=True, slots=True)
class Observation:
    """A statement of a buyer, what they do instead, and how the wants would read if they accept it."""

    key: str
    text: str
    count: int
    of: int
    change: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the wants as JSON holds them."""


def observed(wants: Wants, saved: Homes, among: Homes | None = None) -> tuple[Observation, ...]:
    """Return what the saved homes tell otherwise than the wants, the surest first.

    That saved homes have a feature nobody asked for is told only if they have it clearly more often than the
    homes they were chosen among.
    """
    found = [_equal(wants, saved, limit) for limit in _EQUAL]
    found += [_smaller(wants, saved, limit) for limit in _LOWER]
    found += [_dearer(wants, saved), _cheaper(wants, saved), _types(wants, saved)]
    found += [_feature(wants, saved, name, among) for name in features.KEYS]
    told = [each for each in found if each is not None]
    return tuple(sorted(told, key=lambda each: -each.count / each.of))


def _most(beyond: Flags) -> bool:
    return len(beyond) >= ENOUGH and beyond.sum() >= MOST_OF * len(beyond)


def _stated(saved: Homes, column: str) -> Values:
    values: Values = getattr(saved, column)
    return values[~np.isnan(values)]


def _equal(wants: Wants, saved: Homes, limit: str) -> Observation | None:
    """Compare a count asked for with the one most saved homes have."""
    column, unit = _EQUAL[limit]
    asked: float | None = getattr(wants, limit)
    values = _stated(saved, column)
    if asked is None or not len(values):
        return None
    counts, times = np.unique(values, return_counts=True)
    usual = float(counts[np.argmax(times)])
    if usual >= asked or not _most(values == usual):
        return None
    text = _beside(f"{quantity(asked)} {unit}", int(times.max()), len(values), f"have {quantity(usual)}")
    return Observation(limit, text, int(times.max()), len(values), {limit: usual})


def _smaller(wants: Wants, saved: Homes, limit: str) -> Observation | None:
    column, unit, step = _LOWER[limit]
    asked: float | None = getattr(wants, limit)
    values = _stated(saved, column)
    if asked is None or not _most(values < asked):
        return None
    count, least = (
        int((values < asked).sum()),
        float(np.floor(np.median(values[values < asked]) / step) * step),
    )
    if limit == "year_min":
        text = _beside(f"{asked:.0f} or newer", count, len(values), "are older")
    else:
        text = _beside(f"{asked:,.0f} {unit}", count, len(values), "have less")
    return Observation(limit, text, count, len(values), {limit: least})


def _dearer(wants: Wants, saved: Homes) -> Observation | None:
    prices = _stated(saved, "list_price")
    if wants.price_max is None or not _most(prices > wants.price_max):
        return None
    count = int((prices > wants.price_max).sum())
    text = f"your limit is {money(wants.price_max)}; {count} of {len(prices)} saved homes cost more"
    higher = float(np.ceil(np.median(prices[prices > wants.price_max]) / 5000) * 5000)
    return Observation("price_max", text, count, len(prices), {"price_max": higher})


def _cheaper(wants: Wants, saved: Homes) -> Observation | None:
    """Tell that most saved homes cost a good deal less than the target."""
    prices = _stated(saved, "list_price")
    if wants.price_target is None or not _most(prices < 0.85 * wants.price_target):
        return None
    below = prices < 0.85 * wants.price_target
    text = (
        f"your target is {money(wants.price_target)}; {int(below.sum())} of {len(prices)} saved homes "
        f"cost less than {money(0.85 * wants.price_target)}"
    )
    lower = float(np.ceil(np.median(prices[below]) / 5000) * 5000)
    return Observation("price_target", text, int(below.sum()), len(prices), {"price_target": lower})


def _types(wants: Wants, saved: Homes) -> Observation | None:
    codes = saved.property_sub_type[saved.property_sub_type >= 0]
    if not wants.types or not len(codes):
        return None
    usual = int(np.bincount(codes).argmax())
    count = int((codes == usual).sum())
    if SUB_TYPES[usual] in wants.types or not _most(codes == usual):
        return None
    asked = " or ".join(type_name(SUB_TYPES.index(name)) for name in wants.types)
    text = _beside(asked, count, len(codes), f"are of the type {type_name(usual)}")
    return Observation("types", text, count, len(codes), {"types": [*wants.types, SUB_TYPES[usual]]})


def _feature(wants: Wants, saved: Homes, name: str, among: Homes | None) -> Observation | None:
    """Tell of a feature most saved homes have that was refused or not asked for, or lack that was a must."""
    states = _states(saved, name)
    there, word = states == features.YES, features.WORDS[name]
    if name in wants.must_haves:
        if not _most(~there):
            return None
        less = [each for each in wants.must_haves if each != name]
        text = f"{word} is a must for you; {int((~there).sum())} of {len(states)} saved homes have none"
        return Observation(f"feature:{name}", text, int((~there).sum()), len(states), {"must_haves": less})
    if name in wants.nice_to_haves or not _most(there):
        return None
    count = int(there.sum())
    if name in wants.deal_breakers:
        less = [each for each in wants.deal_breakers if each != name]
        text = f"{word} is a deal-breaker for you; {count} of {len(states)} saved homes have it"
        return Observation(f"feature:{name}", text, count, len(states), {"deal_breakers": less})
    if among is None or not len(usual := _states(among, name)):
        return None
    if there.mean() < (usual == features.YES).mean() + CLEARLY:
        return None
    more = dict(wants.nice_to_haves) | {name: MIDDLE}
    text = f"you do not ask for {word}; {count} of {len(states)} saved homes have it"
    return Observation(f"feature:{name}", text, count, len(states), {"nice_to_haves": more})


def _states(homes: Homes, name: str) -> States:
    states: States = homes.features[:, features.INDEX[name]]
    return states[states >= 0]


def _beside(asked: str, count: int, of: int, instead: str) -> str:
    return f"you ask for {asked}; {count} of {of} saved homes {instead}"
