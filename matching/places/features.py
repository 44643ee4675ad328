"""Objects of map files as one form: GeoJSON features, Overpass elements, loose objects; pure."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leads.imports import RowError
from matching.areas import MILES_PER_DEGREE
from matching.geo import ShapeError, check_point

MOST_SAMPLES = 64
LARGE_MILES = 0.05
"""Across; what is larger keeps points along its edge."""

_LAT, _LON = ("lat", "latitude", "y"), ("lon", "lng", "long", "longitude", "x")
_IDS = ("@id", "osm_id", "id", "objectid", "gid")
_HSTORE = re.compile(r'"((?:[^"\\]|\\.)*)"\s*=>\s*"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Element:
    """An object of a map file: which it is, its tags, and where."""

    row: int
    external_id: str
    """Empty where the file tells none."""
    tags: Mapping[str, Any]
    geometry: Any


@dataclass(frozen=True, slots=True)
class Spot:
    """Where something is: a point, and points along the edge of what is large."""

    lat: float
    lon: float
    outline: tuple[tuple[float, float], ...] = ()


class RowRefused(ShapeError):
    """A row that cannot be read, and in which field."""

    def __init__(self, field: str, what: str, mend: str) -> None:
        super().__init__(what, mend)
        self.field = field

    def at(self, row: int) -> RowError:
        return RowError(row, self.field, self.what, self.mend)


def element_of(row: int, told: Any) -> Element:
    """Return an object of a file as an element."""
    if not isinstance(told, dict):
        raise RowRefused("", "The row is no object.", "Write one JSON object a row.")
    if told.get("type") == "Feature":
        return _of_feature(row, told)
    if told.get("type") in ("node", "way", "relation") and "id" in told:
        return _of_overpass(row, told)
    return _of_loose(row, told)


def _of_feature(row: int, told: Mapping[str, Any]) -> Element:
    properties = told.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    tags = {**properties, **_nested(properties.get("tags"))}
    tags.pop("tags", None)
    return Element(row, _id_of({"id": told.get("id"), **properties}), tags, told.get("geometry"))


def _of_overpass(row: int, told: Mapping[str, Any]) -> Element:
    tags = told.get("tags")
    center = told.get("center")
    place = center if isinstance(center, dict) else told
    geometry: Any = None
    points = told.get("geometry")
    if isinstance(points, list) and len(points) > 1:
        line = [[one.get("lon"), one.get("lat")] for one in points if isinstance(one, dict)]
        geometry = {"type": "LineString", "coordinates": line}
    elif "lat" in place:
        geometry = {"type": "Point", "coordinates": [place.get("lon"), place.get("lat")]}
    elif isinstance(told.get("bounds"), dict):
        box = told["bounds"]
        low, high = (box.get("minlon"), box.get("minlat")), (box.get("maxlon"), box.get("maxlat"))
        geometry = {"type": "LineString", "coordinates": [low, high]}
    return Element(row, f"{told['type']}/{told['id']}", tags if isinstance(tags, dict) else {}, geometry)


def _of_loose(row: int, told: Mapping[str, Any]) -> Element:
    plain = {str(key).lower().strip(): value for key, value in told.items()}
    tags = {**{k: v for k, v in plain.items() if not isinstance(v, dict)}, **_nested(plain.get("tags"))}
    geometry = told.get("geometry")
    if not isinstance(geometry, dict):
        lat, lon = (next((plain[name] for name in names if name in plain), None) for names in (_LAT, _LON))
        geometry = {"type": "Point", "coordinates": [lon, lat]}
    return Element(row, _id_of(plain), tags, geometry)


def _nested(told: Any) -> dict[str, Any]:
    """Return tags in an object of their own, also as PostgreSQL's hstore writes them."""
    if isinstance(told, dict):
        return told
    return dict(_HSTORE.findall(told)) if isinstance(told, str) else {}


def _id_of(told: Mapping[str, Any]) -> str:
    known = {str(key).lower(): value for key, value in told.items()}
    for name in _IDS:
        value = known.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int | str) and str(value).strip() not in ("", "0") and value is not True:
            return str(value).strip()[:100]
    return ""


def made_id(*told: object) -> str:
    """Return an id for what the file gives none: the same for the same facts."""
    text = "|".join(f"{each:.6f}" if isinstance(each, float) else str(each) for each in told)
    return f"made/{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def number(value: Any) -> float | None:
    """Return a number as files write it; None where there is none."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        told = float(str(value).replace(",", "").strip())
    except ValueError:
        return None
    return told if math.isfinite(told) else None


def text(value: Any, most: int) -> str:
    """Return a value as a line of text."""
    return "" if value is None else " ".join(str(value).replace("\x00", "").split())[:most]


def spot_of(geometry: Any) -> Spot:
    """Return where a geometry is: of what has extent, its middle and points along its edge."""
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    told = geometry.get("coordinates") if isinstance(geometry, dict) else None
    lines: list[list[tuple[float, float]]]
    if kind == "Point":
        lines = [[_corner(told)]]
    elif kind == "MultiPoint" or kind == "LineString":
        lines = [_line(told)]
    elif kind == "MultiLineString" or kind == "Polygon":
        lines = [_line(line) for line in _list(told)][: 1 if kind == "Polygon" else None]
    elif kind == "MultiPolygon":
        lines = [_line(_list(polygon)[0]) for polygon in _list(told)]
    else:
        what = f"The shape is a {kind}." if kind else "The row has no place."
        raise RowRefused("geometry", what, "Write a point, a line or an area.")
    corners = [corner for line in lines for corner in line]
    for lat, lon in corners:
        check_point(lat, lon)
    south, north = min(lat for lat, _ in corners), max(lat for lat, _ in corners)
    west, east = min(lon for _, lon in corners), max(lon for _, lon in corners)
    lat, lon = (south + north) / 2, (west + east) / 2
    across = max(north - south, (east - west) * math.cos(math.radians(lat))) * MILES_PER_DEGREE
    if across <= LARGE_MILES:
        return Spot(lat, lon)
    return Spot(lat, lon, _sampled(lines))


def _list(told: Any) -> list[Any]:
    if not isinstance(told, list) or not told:
        raise RowRefused("geometry", "The shape is empty.", "Write at least one corner.")
    return told


def _line(told: Any) -> list[tuple[float, float]]:
    return [_corner(corner) for corner in _list(told)]


def _corner(told: Any) -> tuple[float, float]:
    lon, lat = (
        (number(told[0]), number(told[1]))
        if isinstance(told, list | tuple) and len(told) > 1
        else (None, None)
    )
    if lat is None or lon is None:
        raise RowRefused(
            "geometry", "The place is no pair of numbers.", "Write degrees of latitude and longitude."
        )
    return lat, lon


def _sampled(lines: list[list[tuple[float, float]]]) -> tuple[tuple[float, float], ...]:
    """Return points spaced evenly along lines, no more than are kept."""
    pieces: list[tuple[tuple[float, float], tuple[float, float], float]] = []
    for line in lines:
        for one, two in zip(line, line[1:], strict=False):
            east = (two[1] - one[1]) * math.cos(math.radians(one[0]))
            pieces.append((one, two, math.hypot(two[0] - one[0], east)))
    whole = sum(length for _, _, length in pieces)
    if whole == 0:
        return ()
    step, ahead = whole / MOST_SAMPLES, 0.0
    points: list[tuple[float, float]] = []
    for one, two, length in pieces:
        while ahead < length and len(points) < MOST_SAMPLES:
            share = ahead / length
            lat, lon = one[0] + share * (two[0] - one[0]), one[1] + share * (two[1] - one[1])
            points.append((round(lat, 6), round(lon, 6)))
            ahead += step
        ahead -= length
    return tuple(points)
