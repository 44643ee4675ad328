"""The ground of a drawn town: a river, a lake, neighborhoods, parks, streets; as GeoJSON, like a map's."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Point = tuple[float, float]
"""On the drawing: right and down, 0 to 1000."""

SOUTH, NORTH, WEST, EAST = 47.20, 47.29, -122.00, -121.87
SIDE = 1000.0
CITY, STATE, COUNTY = "Rivermouth", "WA", "Simulated County"
SOURCE = "Drawn by Hearthline (simulated)"
CURVE_STEPS = 6


@dataclass(frozen=True, slots=True)
class Hood:
    """A neighborhood: its outline, which way its streets run, and what its homes are like."""

    name: str
    postal_code: str
    outline: tuple[Point, ...]
    angle: float
    level: float
    """Price of a square foot against the town's."""
    built: int
    """Year its usual home was built."""
    kinds: tuple[tuple[str, float], ...]
    """Sub types and their shares."""


HOUSE, CONDO, TOWN = "Single Family Residence", "Condominium", "Townhouse"
HOODS = (
    Hood(
        "Alder Heights",
        "98951",
        ((50, 230), (275, 195), (350, 385), (275, 550), (65, 515)),
        14,
        1.12,
        1968,
        ((HOUSE, 0.85), (TOWN, 0.15)),
    ),
    Hood(
        "Harbor",
        "98952",
        ((368, 590), (632, 550), (690, 790), (432, 855)),
        -8,
        1.24,
        2006,
        ((HOUSE, 0.25), (CONDO, 0.55), (TOWN, 0.2)),
    ),
    Hood(
        "Foxglove",
        "98951",
        ((292, 175), (583, 138), (632, 385), (368, 385)),
        4,
        1.02,
        1985,
        ((HOUSE, 0.7), (CONDO, 0.1), (TOWN, 0.2)),
    ),
    Hood(
        "Quarry Hill",
        "98953",
        ((75, 545), (275, 570), (358, 607), (417, 855), (125, 900)),
        22,
        0.82,
        1974,
        ((HOUSE, 0.75), (TOWN, 0.15), (CONDO, 0.1)),
    ),
    Hood(
        "Mission",
        "98954",
        ((658, 542), (908, 515), (942, 790), (716, 828)),
        0,
        0.9,
        1956,
        ((HOUSE, 0.6), (CONDO, 0.2), (TOWN, 0.2)),
    ),
    Hood(
        "Larkspur",
        "98955",
        ((608, 128), (933, 120), (942, 478), (650, 496)),
        -15,
        1.3,
        1998,
        ((HOUSE, 0.92), (TOWN, 0.08)),
    ),
)
PARKS = (
    ("Alder Green", ((100, 303), (192, 285), (208, 368), (117, 395))),
    ("Foxglove Commons", ((467, 230), (550, 211), (567, 303), (500, 331))),
    ("Mission Park", ((750, 607), (842, 598), (850, 680), (767, 700))),
    ("Larkspur Meadow", ((733, 230), (833, 202), (867, 303), (767, 349))),
    ("Quarry Park", ((192, 680), (275, 662), (308, 754), (217, 782))),
)
RIVER = (
    (1000, 28),
    (817, 55),
    (600, 92),
    (500, 165),
    (433, 303),
    (392, 441),
    (342, 551),
    (392, 699),
    (433, 938),
)
LAKE = ((508, 644), (560, 616), (600, 650), (608, 690), (575, 745), (530, 745), (500, 700))
SEA = (
    (0, 1000),
    (0, 930),
    (133, 957),
    (275, 906),
    (433, 930),
    (716, 856),
    (840, 884),
    (1000, 874),
    (1000, 1000),
)
ROADS = (
    ("Mill Road", ((0, 460), (250, 561), (358, 487), (650, 432), (1000, 432))),
    ("Foundry Street", ((358, 0), (333, 276), (367, 515), (433, 736), (467, 1000))),
    ("Summit Avenue", ((642, 0), (617, 239), (658, 515), (708, 736), (733, 1000))),
    ("Tidewater Drive", ((0, 699), (333, 828), (583, 883), (1000, 828))),
    ("Orchard Road", ((0, 175), (333, 147), (667, 101), (1000, 101))),
)
HIGHWAY = ("State Route 99X", ((0, 561), (217, 524), (517, 543), (750, 515), (1000, 552)))
NAMES = (
    *("Alder", "Juniper", "Granary", "Orchard", "Tidewater", "Summit", "Larch", "Quarry", "Lantern", "Heron"),
    *("Ferry", "Cooper", "Willow", "Thistle", "Mason", "Gannet", "Clover", "Anchor", "Hazel", "Kestrel"),
)
SUFFIXES = ("Lane", "Court", "Street", "Way", "Row", "Drive", "Avenue", "Place")


@dataclass(frozen=True, slots=True)
class Ground:
    """The drawn town as features of GeoJSON."""

    neighborhoods: tuple[dict[str, Any], ...]
    shapes: tuple[dict[str, Any], ...]
    """Water, parks, streets and roads, tagged as OpenStreetMap would."""


def draw_ground(*, seed: int) -> Ground:
    """Return the town; the same seed draws the same."""
    rng = random.Random(seed)
    hoods = tuple(
        _feature(_ring(hood.outline), {"name": hood.name, "postal_code": hood.postal_code}) for hood in HOODS
    )
    shapes = [
        _feature(_ring(SEA, smooth=False), {"natural": "water", "name": "Rivermouth Sound"}),
        _feature(_ring(LAKE), {"natural": "water", "name": "Harbor Lake"}),
        _feature(_line(RIVER), {"waterway": "river", "name": "Alder River"}),
        *(_feature(_ring(park), {"leisure": "park", "name": name}) for name, park in PARKS),
        *(_feature(_line(line), {"highway": "secondary", "name": name}) for name, line in ROADS),
        _feature(_line(HIGHWAY[1]), {"highway": "motorway", "name": HIGHWAY[0]}),
    ]
    for hood in HOODS:
        shapes.extend(
            _feature(
                {"type": "LineString", "coordinates": [_degrees(a), _degrees(b)]}, {"highway": "residential"}
            )
            for a, b in _streets(hood, rng)
        )
    return Ground(hoods, tuple(shapes))


def latitude_longitude(point: Point) -> tuple[float, float]:
    """Return where on the globe a point of the drawing lies."""
    right, down = point
    return NORTH - down / SIDE * (NORTH - SOUTH), WEST + right / SIDE * (EAST - WEST)


def within(hood: Hood, rng: random.Random) -> Point:
    """Return some point of a neighborhood that is neither park nor water."""
    rights, downs = zip(*hood.outline, strict=True)
    while True:
        point = rng.uniform(min(rights), max(rights)), rng.uniform(min(downs), max(downs))
        wet = any(inside(point, ring) for ring in (LAKE, SEA, *(park for _, park in PARKS)))
        if inside(point, hood.outline) and not wet:
            return point


def inside(point: Point, ring: Sequence[Point]) -> bool:
    """Tell whether a point lies in a ring, by the even-odd rule."""
    right, down = point
    odd = False
    for (r1, d1), (r2, d2) in zip(ring, (*ring[1:], ring[0]), strict=True):
        if (d1 > down) != (d2 > down) and right < r1 + (down - d1) * (r2 - r1) / (d2 - d1):
            odd = not odd
    return odd


def along(line: Sequence[Point], share: float) -> Point:
    """Return the point at a share of the way along a line."""
    pieces = list(zip(line, line[1:], strict=False))
    lengths = [math.dist(a, b) for a, b in pieces]
    left = share * sum(lengths)
    for (a, b), length in zip(pieces, lengths, strict=True):
        if left <= length:
            t = left / length
            return a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])
        left -= length
    return line[-1]


def _streets(hood: Hood, rng: random.Random) -> Iterator[tuple[Point, Point]]:
    """Draw a grid turned by the neighborhood's angle, cut to its outline."""
    middle = (
        sum(point[0] for point in hood.outline) / len(hood.outline),
        sum(point[1] for point in hood.outline) / len(hood.outline),
    )
    for step, turn in ((32.0, 0.0), (45.0, 90.0)):
        angle = math.radians(hood.angle + turn)
        ahead, aside = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))
        for number in range(-10, 11):
            off = number * step + rng.uniform(-4, 4)
            start = middle[0] + aside[0] * off, middle[1] + aside[1] * off
            reach = [
                k * 6.0
                for k in range(-70, 71)
                if inside((start[0] + ahead[0] * k * 6, start[1] + ahead[1] * k * 6), hood.outline)
            ]
            if len(reach) > 3:
                first, last = reach[0], reach[-1]
                yield (
                    (start[0] + ahead[0] * first, start[1] + ahead[1] * first),
                    (start[0] + ahead[0] * last, start[1] + ahead[1] * last),
                )


def _feature(geometry: dict[str, Any], tags: dict[str, str]) -> dict[str, Any]:
    return {"type": "Feature", "properties": tags, "geometry": geometry}


def _ring(outline: Sequence[Point], *, smooth: bool = True) -> dict[str, Any]:
    points = list(_curve((*outline, outline[0], outline[1]))) if smooth else list(outline)
    ring = [_degrees(point) for point in points]
    if ring[0] != ring[-1]:
        ring.append(ring[0])
    return {"type": "Polygon", "coordinates": [ring]}


def _line(points: Sequence[Point]) -> dict[str, Any]:
    inner = list(_curve(points))
    return {"type": "LineString", "coordinates": [_degrees(p) for p in (points[0], *inner, points[-1])]}


def _curve(points: Sequence[Point]) -> Iterator[Point]:
    """Round the corners: from middle to middle of the sides, the corner drawing the curve (quadratic)."""
    for a, b, c in zip(points, points[1:], points[2:], strict=False):
        start, end = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2), ((b[0] + c[0]) / 2, (b[1] + c[1]) / 2)
        for step in range(CURVE_STEPS + 1):
            t = step / CURVE_STEPS
            u, v, w = (1 - t) ** 2, 2 * t * (1 - t), t * t
            yield u * start[0] + v * b[0] + w * end[0], u * start[1] + v * b[1] + w * end[1]


def _degrees(point: Point) -> list[float]:
    latitude, longitude = latitude_longitude(point)
    return [round(longitude, 6), round(latitude, 6)]
