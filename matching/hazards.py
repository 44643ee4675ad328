"""What may threaten a home itself, each on one scale from 0 (none) to 1 (highest), by its source's words.

Flood zones are FEMA's, wildfire classes those of the Forest Service's hazard potential, seismic design
categories those of the building code, radon zones EPA's; noise is a day-night level in decibels, a roof its
age in years. The levels are ours, for weighing one against another, and no measure of risk in dollars. What a
source leaves open (zone D) is not known. Crime is no hazard here, and people are none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from matching.homes import HAZARDS, Values

FLOOD: Mapping[str, float] = {"v": 1.0, "a": 0.8, "b": 0.3, "x shaded": 0.3, "c": 0.0, "x": 0.0}
"""By the letter: V and VE are coastal high hazard, A… the 1 % zones, shaded X (or B) the 0.2 % ones."""

WILDFIRE: Mapping[str, float] = {
    "water": 0.0,
    "non burnable": 0.0,
    "very low": 0.0,
    "low": 0.25,
    "moderate": 0.5,
    "high": 0.75,
    "very high": 1.0,
}
SEISMIC: Mapping[str, float] = {
    **{"a": 0.0, "b": 0.2, "c": 0.4, "d": 0.7, "d0": 0.6, "d1": 0.7, "d2": 0.8, "e": 1.0, "f": 1.0}
}
RADON: Mapping[str, float] = {"3": 0.1, "2": 0.5, "1": 1.0}
RANGES: Mapping[str, tuple[float, float]] = {"noise": (45.0, 75.0), "roof": (5.0, 25.0)}
"""Decibels, and years, from which and up to which a level rises."""

_MARKS = re.compile(r"[^a-z0-9.]+")


def levels(stated: Mapping[str, Any]) -> Values:
    """Return the row of `Homes.hazards` for what sources state, by the names of HAZARDS; NaN is not known."""
    return np.array([_level(name, stated.get(name)) for name in HAZARDS])


def _level(name: str, value: Any) -> float:
    if value is None or isinstance(value, bool):
        return np.nan
    word = _MARKS.sub(" ", str(value).lower()).strip()
    if name == "flood":
        shaded = word.startswith("x") and ("shaded" in word or "0.2" in word)
        return FLOOD.get("x shaded" if shaded else word[:1], np.nan)
    table = {"wildfire": WILDFIRE, "seismic": SEISMIC, "radon": RADON}.get(name)
    if table is not None:
        return table.get(word.removeprefix("zone ").removesuffix(".0"), np.nan)
    low, high = RANGES[name]
    try:
        return float(np.clip((float(value) - low) / (high - low), 0.0, 1.0))
    except (TypeError, ValueError):
        return np.nan
