"""What a lead looks at: visits, the way from view to showing, and how settled their eye is.

Of an area only a checksum is kept, and only how often it comes back counts: which area it is, and who lives
there, is no feature.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from operator import ne
from typing import Any
from zlib import crc32

from leads.events import Kind
from leads.fields import FieldError, fold, parse_money
from leads.ml.memory import DAY, LATEST_SHARE, State, count

VISITS: Mapping[str, str] = {
    Kind.PAGE_VIEWED: "page_views",
    Kind.LINK_CLICKED: "page_views",
    Kind.LISTING_VIEWED: "listing_views",
    Kind.LISTING_SAVED: "listing_saves",
    Kind.LISTING_SHARED: "listing_saves",
    Kind.SHOWING_REQUESTED: "showing_requests",
    Kind.VALUATION_REQUESTED: "valuation_requests",
}
"""Acts of a visit to the web site, and the count each goes into."""

_VISITED = ("page_views", "listing_views", "listing_saves", "showing_requests", "valuation_requests")
LOOKS = frozenset({Kind.LISTING_VIEWED, Kind.LISTING_SAVED, Kind.LISTING_SHARED, Kind.SHOWING_REQUESTED})
"""Acts about one home."""

VISIT_GAP = 30 * 60.0
"""Seconds without an act that end a visit: the usual cut of web analytics."""

HOMES = 8
AREAS = 8
"""Different homes remembered, and the areas of how many of the last looks."""

RECENT_SHARE = 0.6
"""Weight of the latest home in the recent mean, beside the usual one."""

SETTLED = 0.25
"""Spread of the logarithm at which focus has fallen to 1/e: about a quarter of the price."""

PRICES = (10_000.0, 1e9)
SIZES = (100.0, 100_000.0)
_PRICE_KEYS = ("list_price", "price")
_SIZE_KEYS = ("living_area", "sqft")
_HOME_KEYS = ("listing_key", "listing", "address")
_AREA_KEYS = ("neighborhood", "area", "postal_code", "city")
_SIZE = re.compile(
    r"\s*(\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?\s*(?:sq\.? ?ft\.?|square feet|ft2)?\s*", re.IGNORECASE
)


def remember(after: State, kind: str, data: Mapping[str, Any], at: float) -> None:
    """Fold one act of a visit into the state."""
    last = after.get("visit")
    if last is None or at - last[0] > VISIT_GAP:
        count(after, "sessions")
        after["visit"] = [at, 1]
    else:
        after["visit"] = [at, last[1] + 1]
    if kind == Kind.LISTING_SHARED:
        count(after, "listing_shares")
    if kind in LOOKS and data:
        _look(after, kind, data)


def _look(after: State, kind: str, data: Mapping[str, Any]) -> None:
    """Note which home it was, its price and size, and whether its area is a new one."""
    if home := _first(data, _HOME_KEYS):
        name = _checksum(str(home))
        homes = after.get("homes", [])
        if name in homes:
            homes = [one for one in homes if one != name]
            if kind == Kind.LISTING_VIEWED:
                count(after, "homes_again")
        after["homes"] = [*homes, name][-HOMES:]
    for field, value in (("price", _price(data)), ("size", _size(data))):
        if value is not None:
            after[field] = _settle(after.get(field), math.log(value))
    if area := _first(data, _AREA_KEYS):
        after["areas"] = [*after.get("areas", ()), _checksum(fold(str(area)).strip())][-AREAS:]


def _settle(known: list[float] | None, value: float) -> list[float]:
    """Return the usual value, its variance, and the recent value, after one more."""
    if known is None:
        return [value, 0.0, value]
    usual, variance, recent = known
    gap = value - usual
    return [
        usual + LATEST_SHARE * gap,
        (1 - LATEST_SHARE) * (variance + LATEST_SHARE * gap * gap),
        recent + RECENT_SHARE * (value - recent),
    ]


def _first(data: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    for key in keys:
        value = data.get(key)
        if value is not None and value != "":
            return value
    return None


def _checksum(text: str) -> str:
    return f"{crc32(text.encode('utf-8', 'replace')):x}"


def _price(data: Mapping[str, Any]) -> float | None:
    value = _first(data, _PRICE_KEYS)
    if isinstance(value, str):
        try:
            value = float(parse_money(value))
        except FieldError:
            return None
    return _within(value, PRICES)


def _size(data: Mapping[str, Any]) -> float | None:
    value = _first(data, _SIZE_KEYS)
    if isinstance(value, str):
        match = _SIZE.fullmatch(value[:40])
        value = float(match[1].replace(",", "")) if match else None
    return _within(value, SIZES)


def _within(value: object, bounds: tuple[float, float]) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if bounds[0] <= value <= bounds[1] else None


def tell(values: dict[str, float], state: State, fades: Mapping[str, float], moment: float) -> None:
    """Write the features of what the lead looks at."""
    visit = state.get("visit")
    if visit is not None:
        _tell_visits(values, fades)
        values["session_latest"] = float(visit[1]) if moment - visit[0] <= DAY else 0.0
    price = state.get("price")
    if price is not None:
        values["price_focus"], values["price_drift"] = _focus(price)
        budget = state.get("budget")
        if budget:
            values["price_to_budget"] = max(-1.0, min(1.0, price[0] - math.log(budget)))
    size = state.get("size")
    if size is not None:
        values["size_focus"], values["size_drift"] = _focus(size)
    areas = state.get("areas")
    if areas:
        values["area_focus"] = max(map(areas.count, areas)) / len(areas)
        if len(areas) > 1:
            values["area_drift"] = sum(map(ne, areas, areas[1:])) / (len(areas) - 1)


def _tell_visits(values: dict[str, float], fades: Mapping[str, float]) -> None:
    """Write how deep visits go and how far looking has led."""
    views, saves = fades.get("listing_views", 0.0), fades.get("listing_saves", 0.0)
    sessions = fades.get("sessions", 0.0)
    if sessions > 1e-6:
        values["session_depth"] = min(1e3, sum([fades.get(name, 0.0) for name in _VISITED]) / sessions)
    if views > 1e-6:
        values["view_to_save"] = min(1.0, saves / views)
        values["repeat_views"] = min(1.0, fades.get("homes_again", 0.0) / views)
    if saves > 1e-6:
        values["save_to_showing"] = min(1.0, fades.get("showing_requests", 0.0) / saves)


def _focus(settled: list[float]) -> tuple[float, float]:
    """Return how settled a value is, and how far the recent ones have gone from the usual."""
    usual, variance, recent = settled
    return math.exp(-math.sqrt(variance) / SETTLED), max(-1.0, min(1.0, recent - usual))
