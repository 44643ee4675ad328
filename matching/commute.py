"""Minutes from homes to a place, without road data: a stated model of distance and speed.

Miles over the globe times 1.3 are miles on the road. A drive goes at the speed of its band of miles, slower
at the peaks, and ends with five minutes to park and walk. Every figure is shown with a range of a quarter.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

EARTH_MILES = 3958.7613
"""6,371 km."""

CIRCUITY = 1.3
SPREAD = 0.25
"""Minutes are shown this far down and up."""

TERMINAL_MINUTES: Mapping[str, float] = {"drive": 5.0, "transit": 8.0, "walk": 0.0, "bike": 2.0}
MILES_PER_HOUR: Mapping[str, float] = {"walk": 3.0, "bike": 10.0, "bus": 15.0, "rail": 25.0}
BAND_MILES: Values = np.array([2.0, 5.0, 15.0, 30.0])
"""Up to these miles on the road a drive goes at the speed of the same place below; beyond, at the last."""
BAND_MPH: Values = np.array([18.0, 24.0, 32.0, 42.0, 52.0])
PEAKS: tuple[tuple[float, float, float], ...] = ((7.0, 10.0, 1.35), (16.0, 19.0, 1.45))
"""From and to an hour of the day, and by what driving minutes are multiplied."""


def straight_miles(latitude: Values, longitude: Values, to: tuple[float, float]) -> Values:
    """Return the miles over the globe to a place (haversine)."""
    here = np.radians(latitude)
    there = np.radians(to[0])
    north, east = np.sin((here - there) / 2), np.sin(np.radians(longitude - to[1]) / 2)
    half: Values = north * north + np.cos(here) * np.cos(there) * east * east
    return np.arcsin(np.sqrt(half)) * (2 * EARTH_MILES)


def road_miles(latitude: Values, longitude: Values, to: tuple[float, float]) -> Values:
    """Return the miles on the road, as the model takes them."""
    return CIRCUITY * straight_miles(latitude, longitude, to)


def peak_multiplier(hour: float) -> float:
    """Return how much longer a drive takes that must end at an hour of the day."""
    return next((factor for start, end, factor in PEAKS if start <= hour < end), 1.0)


def minutes(
    miles: Values,
    mode: str,
    hour: float,
    *,
    stop_miles: Values | None = None,
    headway_minutes: Values | None = None,
) -> Values:
    """Return the minutes for miles on the road, door to door.

    By transit: the walk to the stop, half of its headway, the ride at a bus's speed, and the walk at the
    other end. Where no stop is known the minutes are not known.
    """
    if mode == "drive":
        band = np.zeros(len(miles), dtype=np.int8)
        for most in BAND_MILES:
            band += miles > most
        return miles / BAND_MPH[band] * (60.0 * peak_multiplier(hour)) + TERMINAL_MINUTES[mode]
    if mode != "transit":
        return miles * (60.0 / MILES_PER_HOUR[mode]) + TERMINAL_MINUTES[mode]
    if stop_miles is None or headway_minutes is None:
        return np.full(len(miles), np.nan)
    walk = stop_miles * (CIRCUITY * 60.0 / MILES_PER_HOUR["walk"])
    return walk + headway_minutes / 2 + miles * (60.0 / MILES_PER_HOUR["bus"]) + TERMINAL_MINUTES[mode]


def between(minutes: float) -> tuple[int, int]:
    """Return the range a figure is shown with, in whole minutes."""
    return round(minutes * (1 - SPREAD)), round(minutes * (1 + SPREAD))
