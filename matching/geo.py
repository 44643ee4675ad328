"""The nearest of many points, and outlines as files write them: checked, with holes; pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.neighbors import KDTree

from leads.errors import DomainError
from matching.areas import MILES_PER_DEGREE, inside
from matching.commute import EARTH_MILES

MOST_CORNERS = 50_000

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


class ShapeError(DomainError):
    """A place or an outline that cannot be; says what is wrong and how to mend it."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(f"{what} {mend}", "shape")
        self.what = what
        self.mend = mend


def check_point(lat: float, lon: float) -> None:
    """Refuse what is no place on a map of the United States and its neighbours."""
    if not (math.isfinite(lat) and math.isfinite(lon)):
        raise ShapeError("A coordinate is no number.", "Write degrees, as 47.6062 and -122.3321.")
    if lat == 0 and lon == 0:
        raise ShapeError("Latitude and longitude are 0,0.", "Leave rows without a place out.")
    if abs(lat) > 90 and abs(lon) <= 90:
        raise ShapeError(f"Latitude {lat:g} cannot be.", "Latitude and longitude seem to be swapped.")
    if abs(lat) > 90 or abs(lon) > 180:
        raise ShapeError(
            f"{lat:g}, {lon:g} is no place on earth.", "Write degrees (WGS 84), not feet or metres."
        )


class Points:
    """Points among which the nearest are found, exactly, over the ground."""

    def __init__(self, lat: ArrayLike, lon: ArrayLike) -> None:
        self.lat = np.asarray(lat, float)
        self.lon = np.asarray(lon, float)
        self._tree = KDTree(_on_sphere(self.lat, self.lon)) if len(self.lat) else None

    def __len__(self) -> int:
        return len(self.lat)

    def nearest(self, lat: ArrayLike, lon: ArrayLike, count: int = 1) -> tuple[Floats, Ints]:
        """Return miles to the nearest `count`, the nearest first, and which they are.

        Where there are fewer, miles are infinite and the number is -1.
        """
        wanted = _on_sphere(np.asarray(lat, float), np.asarray(lon, float))
        miles = np.full((len(wanted), count), np.inf)
        which = np.full((len(wanted), count), -1, np.int64)
        have = min(count, len(self))
        if self._tree is not None and len(wanted):
            chord, found = self._tree.query(wanted, k=have)
            miles[:, :have] = 2 * EARTH_MILES * np.arcsin(np.clip(chord / 2, 0, 1))
            which[:, :have] = found
        return miles, which

    def within(self, lat: ArrayLike, lon: ArrayLike, miles: float) -> list[Ints]:
        """Return which points lie within so many miles, in no order."""
        wanted = _on_sphere(np.asarray(lat, float), np.asarray(lon, float))
        if self._tree is None or not len(wanted):
            return [np.empty(0, np.int64) for _ in wanted]
        found: list[Ints] = list(self._tree.query_radius(wanted, 2 * np.sin(miles / EARTH_MILES / 2)))
        return found


def _on_sphere(lat: Floats, lon: Floats) -> Floats:
    a, b = np.radians(lat), np.radians(lon)
    sphere: Floats = np.column_stack([np.cos(a) * np.cos(b), np.cos(a) * np.sin(b), np.sin(a)])
    return sphere


@dataclass(frozen=True, slots=True)
class Outline:
    """An area of one or more polygons: closed rings of (longitude, latitude), holes among them."""

    rings: tuple[Floats, ...]

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Return south, west, north, east."""
        every = np.concatenate(self.rings)
        (west, south), (east, north) = every.min(axis=0), every.max(axis=0)
        return float(south), float(west), float(north), float(east)

    @property
    def square_miles(self) -> float:
        """Return its size, holes taken off."""
        south, _, north, _ = self.box
        across = math.cos(math.radians((south + north) / 2)) * MILES_PER_DEGREE**2
        return abs(sum(_signed(ring) for ring in self.rings)) * across

    def holds(self, lat: ArrayLike, lon: ArrayLike) -> Flags:
        """Tell which points lie inside (even-odd, so holes are outside)."""
        y, x = np.asarray(lat, float), np.asarray(lon, float)
        south, west, north, east = self.box
        within = np.zeros(len(y), np.bool_)
        near = np.flatnonzero((y >= south) & (y <= north) & (x >= west) & (x <= east))
        for ring in self.rings:
            within[near] ^= inside(y[near], x[near], [(corner[1], corner[0]) for corner in ring.tolist()])
        return within


def outline_of(polygons: Sequence[Any]) -> Outline:
    """Return the outline that GeoJSON coordinates of a MultiPolygon draw; rings as they were written."""
    return Outline(tuple(np.asarray(ring, float)[:, :2] for polygon in polygons for ring in polygon))


def read_polygons(geometry: Any) -> list[list[list[list[float]]]]:
    """Return a GeoJSON Polygon's or MultiPolygon's coordinates, checked, as those of a MultiPolygon."""
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind not in ("Polygon", "MultiPolygon"):
        what = f"The shape is a {kind}." if kind else "The row has no shape."
        raise ShapeError(what, "Draw a Polygon or MultiPolygon.")
    polygons = geometry.get("coordinates")
    if kind == "Polygon":
        polygons = [polygons]
    if not isinstance(polygons, list) or not polygons:
        raise ShapeError("The shape is empty.", "Draw at least one ring.")
    corners = 0
    checked = []
    for polygon in polygons:
        if not isinstance(polygon, list) or not polygon:
            raise ShapeError("The shape is empty.", "Draw at least one ring.")
        rings = [_read_ring(ring) for ring in polygon]
        corners += sum(map(len, rings))
        if corners > MOST_CORNERS:
            raise ShapeError(f"The shape has more than {MOST_CORNERS:,} corners.", "Simplify it.")
        checked.append([ring.tolist() for ring in rings])
    return checked


def _read_ring(ring: Any) -> Floats:
    try:
        corners: Floats = np.array([[float(corner[0]), float(corner[1])] for corner in ring])
    except (TypeError, ValueError, IndexError, KeyError) as error:
        raise ShapeError("A corner is no pair of numbers.", "Write [longitude, latitude].") from error
    if len(corners) < 4:
        raise ShapeError(
            f"A ring has {len(corners)} corners.", "It needs three, and the first again at the end."
        )
    for lon, lat in corners:
        check_point(lat, lon)
    if (corners[0] != corners[-1]).any():
        raise ShapeError("A ring is not closed.", "Repeat its first corner at the end.")
    moves: Flags = np.append(True, (np.diff(corners, axis=0) != 0).any(axis=1))
    corners = corners[moves]
    crossing = _crossing(corners)
    if crossing is not None:
        lon, lat = crossing
        raise ShapeError(
            f"The outline crosses itself near {lat:.5f}, {lon:.5f}.",
            "Draw it without edges that cross.",
        )
    if len(corners) < 4 or _signed(corners) == 0:
        raise ShapeError("A ring encloses nothing.", "Draw it with three corners that are not in a line.")
    return corners


def _signed(ring: Floats) -> float:
    x, y = ring[:, 0] - ring[0, 0], ring[:, 1] - ring[0, 1]
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2)


def _crossing(ring: Floats) -> tuple[float, float] | None:
    """Return a corner near which two edges truly cross; edges that only touch are well."""
    start, end = ring[:-1], ring[1:]
    low, high = np.minimum(start, end), np.maximum(start, end)
    order = np.argsort(low[:, 0], kind="stable")
    start, end, low, high = start[order], end[order], low[order], high[order]
    last = np.searchsorted(low[:, 0], high[:, 0], side="right")
    for one in range(len(start)):
        rest = slice(one + 1, last[one])
        near = (low[rest, 1] <= high[one, 1]) & (high[rest, 1] >= low[one, 1])
        if not near.any():
            continue
        a, b, c, d = start[one], end[one], start[rest][near], end[rest][near]
        crosses = (_side(a, b, c) * _side(a, b, d) < 0) & (_side(c, d, a) * _side(c, d, b) < 0)
        if crosses.any():
            where = c[crosses][0]
            return float(where[0]), float(where[1])
    return None


def _side(a: Floats, b: Floats, point: Floats) -> Floats:
    """Return on which side of the line from a to b a point lies: 1, -1, or 0 on it."""
    turned: Floats = (b[..., 0] - a[..., 0]) * (point[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (
        point[..., 0] - a[..., 0]
    )
    side: Floats = np.where(np.abs(turned) < 1e-15, 0.0, np.sign(turned))
    return side
