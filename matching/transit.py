"""How useful buses and trains near a home are, from the departures of a timetable; pure.

Each line that stops within reach counts the departures of a typical weekday from its nearest stop, one way,
times the weight of its kind (rail 2, ferry and cable 1.5, bus 1), times what is left of the way there. The
sum D becomes 100 · ln(1 + D/10) / ln(301): nothing is 0, D of 3,000 or more is 100.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matching.commute import CIRCUITY
from matching.geo import Points

NAME: Final = "Transit usefulness"
REACH_MILES = 1.0
DECAY_MILES = (0.25, 0.5, 0.75, 1.0)
DECAY = (1.0, 0.7, 0.35, 0.0)
FULL, UNIT = 3_000.0, 10.0
DAY_MINUTES = 16 * 60
"""From six in the morning to ten at night: what headways are told of."""

Floats = NDArray[np.float64]


class StopMode(StrEnum):
    """Kinds of service, as people call them."""

    BUS = "bus"
    TRAM = "tram"
    SUBWAY = "subway"
    RAIL = "rail"
    FERRY = "ferry"
    CABLE = "cable"


MODE_WEIGHTS = {
    StopMode.BUS: 1.0,
    StopMode.TRAM: 2.0,
    StopMode.SUBWAY: 2.0,
    StopMode.RAIL: 2.0,
    StopMode.FERRY: 1.5,
    StopMode.CABLE: 1.5,
}
ON_RAILS = frozenset({StopMode.TRAM, StopMode.SUBWAY, StopMode.RAIL})


@dataclass(frozen=True, slots=True)
class Service:
    """A line's stops one way, its weekday departures at each, and how many ways the line has."""

    mode: StopMode
    lat: Floats
    lon: Floats
    departures: Floats
    ways: int


def mode_of(route_type: int) -> StopMode | None:
    """Return the kind of a GTFS route_type, the extended ones too; None for what carries no riders."""
    plain = {
        0: StopMode.TRAM,
        1: StopMode.SUBWAY,
        2: StopMode.RAIL,
        3: StopMode.BUS,
        4: StopMode.FERRY,
        5: StopMode.CABLE,
        6: StopMode.CABLE,
        7: StopMode.CABLE,
        11: StopMode.BUS,
        12: StopMode.RAIL,
    }
    if route_type in plain:
        return plain[route_type]
    hundreds = {
        1: StopMode.RAIL,
        2: StopMode.BUS,
        4: StopMode.SUBWAY,
        7: StopMode.BUS,
        8: StopMode.BUS,
        9: StopMode.TRAM,
        10: StopMode.FERRY,
        12: StopMode.FERRY,
        13: StopMode.CABLE,
        14: StopMode.CABLE,
    }
    return hundreds.get(route_type // 100)


def headway(departures: float) -> float | None:
    """Return minutes between departures over the day, None where nothing leaves."""
    return DAY_MINUTES / departures if departures > 0 else None


def decay(network_miles: ArrayLike) -> Floats:
    left: Floats = np.interp(np.asarray(network_miles, float), DECAY_MILES, DECAY)
    return left


def weighted_departures(lat: ArrayLike, lon: ArrayLike, services: Sequence[Service]) -> Floats:
    """Return D of homes: departures a weekday one way, weighted by kind and distance."""
    y, x = np.asarray(lat, float), np.asarray(lon, float)
    total = np.zeros(len(y))
    for service in services:
        if not len(service.lat):
            continue
        margin = 2 * REACH_MILES / 69.0 / max(0.1, math.cos(math.radians(float(service.lat.mean()))))
        near = np.flatnonzero(
            (y >= service.lat.min() - margin)
            & (y <= service.lat.max() + margin)
            & (x >= service.lon.min() - margin)
            & (x <= service.lon.max() + margin)
        )
        miles, which = Points(service.lat, service.lon).nearest(y[near], x[near])
        leaving = service.departures[which[:, 0]] / service.ways
        total[near] += leaving * MODE_WEIGHTS[service.mode] * decay(miles[:, 0] * CIRCUITY)
    return total


def usefulness(departures: ArrayLike) -> Floats:
    """Return the index of D, 0–100."""
    index: Floats = 100 * np.log1p(np.asarray(departures, float) / UNIT) / math.log1p(FULL / UNIT)
    return np.clip(index, 0, 100)
