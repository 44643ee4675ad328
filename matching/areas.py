"""Areas on the map: which points lie within a polygon, and how many miles the others lie from its edge.

A polygon is a list of corners as latitude and longitude. Around one area the globe is taken as flat, with
miles east and north of its middle: over a metropolitan area the error is well below one in a hundred.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]
Polygon = Sequence[tuple[float, float]]

MILES_PER_DEGREE = 3958.7613 * np.pi / 180
"""Along a meridian; the radius is 6,371 km."""

_CHUNK = 2048
"""Points looked at together: their distances to all edges stay in the processor's cache."""


def inside(latitude: Values, longitude: Values, polygon: Polygon) -> Flags:
    """Tell which points lie within a polygon (even-odd); a point without a place does not."""
    corners = np.asarray(polygon, dtype=np.float64)
    low, high = corners.min(axis=0), corners.max(axis=0)
    found: Flags = (
        (latitude >= low[0]) & (latitude <= high[0]) & (longitude >= low[1]) & (longitude <= high[1])
    )
    near = np.flatnonzero(found)
    found[near] = _odd(latitude[near], longitude[near], corners)
    return found


def _odd(latitude: Values, longitude: Values, corners: Values) -> Flags:
    """Tell from which points a line to the east crosses the edges an odd number of times."""
    crossed = np.zeros(len(latitude), dtype=np.bool_)
    below = [latitude < y for y in corners[:, 0]]
    for number, (y1, x1) in enumerate(corners):
        following = (number + 1) % len(corners)
        beside = np.flatnonzero(below[number] ^ below[following])
        if beside.size:
            y2, x2 = corners[following]
            crossed[beside] ^= longitude[beside] < x1 + (latitude[beside] - y1) * ((x2 - x1) / (y2 - y1))
    return crossed


def miles_outside(latitude: Values, longitude: Values, polygons: Sequence[Polygon]) -> Values:
    """Return the miles from points to the nearest edge of all polygons: 0 within one, NaN for no place."""
    nearest = np.full(len(latitude), np.inf)
    for polygon in polygons:
        within = inside(latitude, longitude, polygon)
        nearest[within] = 0.0
        away = np.flatnonzero(nearest > 0)
        nearest[away] = np.minimum(nearest[away], _miles_to_edge(latitude[away], longitude[away], polygon))
    nearest[np.isnan(latitude) | np.isnan(longitude)] = np.nan
    return nearest


def _miles_to_edge(latitude: Values, longitude: Values, polygon: Polygon) -> Values:
    """Return the distance of points to the nearest edge of one polygon.

    Seen from the middle of an edge, a point lies `along` it and `off` it; what of `along` reaches beyond the
    half length, and `off`, are the sides of a right triangle. Both are one product of matrices for all edges.
    """
    corners = np.asarray(polygon, dtype=np.float64)
    middle = corners.mean(axis=0)
    scale = MILES_PER_DEGREE * np.array([1.0, np.cos(np.radians(middle[0]))])
    starts = (corners - middle) * scale
    ways = np.roll(starts, -1, axis=0) - starts
    lengths = np.sqrt((ways**2).sum(axis=1))
    starts, ways, lengths = starts[lengths > 0], ways[lengths > 0], lengths[lengths > 0]
    units = ways / lengths[:, None]
    turned = np.column_stack([-units[:, 1], units[:, 0]])
    centres = starts + ways / 2
    to_along = np.column_stack([units * scale, -(units * (centres + middle * scale)).sum(axis=1)])
    to_off = np.column_stack([turned * scale, -(turned * (centres + middle * scale)).sum(axis=1)])
    halves = lengths[:, None] / 2
    distances = np.empty(len(latitude))
    for begin in range(0, len(latitude), _CHUNK):
        rows = slice(begin, begin + _CHUNK)
        points = np.stack([latitude[rows], longitude[rows], np.ones(len(latitude[rows]))])
        beyond = to_along @ points
        np.abs(beyond, out=beyond)
        beyond -= halves
        np.maximum(beyond, 0.0, out=beyond)
        beyond *= beyond
        off = to_off @ points
        off *= off
        beyond += off
        np.sqrt(beyond.min(axis=0), out=distances[rows])
    return distances


def thinned(polygon: Polygon, most: int) -> Polygon:
    """Return a polygon with at most so many corners: those that change its area least are left out."""
    corners = np.asarray(polygon, dtype=np.float64)
    if len(corners) > 1 and (corners[0] == corners[-1]).all():
        corners = corners[:-1]
    step = -(-len(corners) // (10 * most))
    corners = corners[::step]
    while len(corners) > most:
        before, after = np.roll(corners, 1, axis=0), np.roll(corners, -1, axis=0)
        sides, across = corners - before, after - before
        twice = np.abs(sides[:, 0] * across[:, 1] - sides[:, 1] * across[:, 0])
        corners = np.delete(corners, int(twice.argmin()), axis=0)
    return [(float(y), float(x)) for y, x in corners]


def crossing(polygon: Polygon) -> tuple[int, int] | None:
    """Return the numbers of two sides of a polygon that cross or lie on one another, if there are."""
    starts = np.asarray(polygon, dtype=np.float64)
    ends = np.roll(starts, -1, axis=0)
    count = len(starts)
    first, second = np.triu_indices(count, k=2)
    apart = ~((first == 0) & (second == count - 1))
    first, second = first[apart], second[apart]
    a, b, c, d = starts[first], ends[first], starts[second], ends[second]
    sides = [_side(a, b, c), _side(a, b, d), _side(c, d, a), _side(c, d, b)]
    meet = (sides[0] != sides[1]) & (sides[2] != sides[3])
    for side, point, one, other in ((0, c, a, b), (1, d, a, b), (2, a, c, d), (3, b, c, d)):
        between = ((point >= np.minimum(one, other)) & (point <= np.maximum(one, other))).all(axis=1)
        meet |= (sides[side] == 0) & between
    found = np.flatnonzero(meet)
    return (int(first[found[0]]), int(second[found[0]])) if found.size else None


def _side(a: Values, b: Values, point: Values) -> Values:
    """Tell on which side of the line from a to b a point lies: 1, -1, or 0 upon it."""
    return np.sign(
        (b[:, 0] - a[:, 0]) * (point[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (point[:, 0] - a[:, 0])
    )
