"""Comforts of the streets around a home: benches, bicycle parking, drinking water, fountains; pure.

Each within a mile on foot counts, fading to 1/e with every quarter mile. Their sum C becomes
100 · ln(1 + C) / ln(101): none is 0, a hundred at the door is 100. There are many where streets are made to
stay in, so it says more of how a place is to be in than how many shops are near.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matching.areas import MILES_PER_DEGREE
from matching.commute import CIRCUITY
from matching.geo import Points

NAME: Final = "Street comfort"
FADE_MILES = 0.25
REACH_MILES = 1.0
FULL = 100.0
_CELL_MILES = 0.25
_PAIRS = 4_000_000

Floats = NDArray[np.float64]


def nearby(lat: ArrayLike, lon: ArrayLike, comforts: Points) -> Floats:
    """Return C of homes.

    Homes are taken by squares of a quarter mile, which share the comforts that can be near.
    """
    y, x = np.asarray(lat, float), np.asarray(lon, float)
    total = np.zeros(len(y))
    if not len(comforts) or not len(y):
        return total
    shrink = np.cos(np.radians(y))
    rows = np.floor(y * MILES_PER_DEGREE / _CELL_MILES).astype(np.int64)
    shrunk = np.cos(np.radians((rows + 0.5) * _CELL_MILES / MILES_PER_DEGREE))
    columns = np.floor(x * MILES_PER_DEGREE * shrunk / _CELL_MILES).astype(np.int64)
    cells, order, counts = _grouped(rows, columns)
    middle_lat = (cells[:, 0] + 0.5) * _CELL_MILES / MILES_PER_DEGREE
    middle_lon = (cells[:, 1] + 0.5) * _CELL_MILES / MILES_PER_DEGREE / np.cos(np.radians(middle_lat))
    reach = REACH_MILES / CIRCUITY
    close = comforts.within(middle_lat, middle_lon, reach + _CELL_MILES)
    start = 0
    for near, count in zip(close, counts.tolist(), strict=True):
        homes = order[start : start + count]
        start += count
        if not len(near):
            continue
        step = max(1, _PAIRS // len(near))
        for at in range(0, count, step):
            some = homes[at : at + step]
            north = (comforts.lat[near] - y[some, None]) * MILES_PER_DEGREE
            east = (comforts.lon[near] - x[some, None]) * (MILES_PER_DEGREE * shrink[some, None])
            miles = np.hypot(north, east) * CIRCUITY
            total[some] = np.where(miles <= REACH_MILES, np.exp(miles / -FADE_MILES), 0.0).sum(axis=1)
    return total


def _grouped(
    rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the squares there are, homes in the order of squares, and how many homes each has."""
    order: NDArray[np.int64] = np.lexsort((columns, rows))
    squares = np.column_stack([rows, columns])[order]
    first = np.append(True, (np.diff(squares, axis=0) != 0).any(axis=1))
    counts: NDArray[np.int64] = np.diff(np.append(np.flatnonzero(first), len(order)))
    return squares[first], order, counts


def comfort(nearby: ArrayLike) -> Floats:
    """Return the index of C, 0–100."""
    index: Floats = 100 * np.log1p(np.asarray(nearby, float)) / math.log1p(FULL)
    return np.clip(index, 0, 100)
