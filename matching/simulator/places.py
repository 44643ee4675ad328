"""What is around the homes of the drawn town: shops, schools, buses; in the forms real files have."""

from __future__ import annotations

import csv
import io
import random
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from matching.simulator.ground import HIGHWAY, HOODS, ROADS, Point, along, latitude_longitude, within

KINDS: tuple[tuple[dict[str, str], str, int], ...] = (
    ({"shop": "supermarket"}, "Market", 14),
    ({"amenity": "restaurant"}, "Kitchen", 90),
    ({"amenity": "cafe"}, "Coffee", 44),
    ({"shop": "clothes"}, "Outfitters", 40),
    ({"shop": "books"}, "Books", 6),
    ({"amenity": "bank"}, "Bank", 16),
    ({"amenity": "cinema"}, "Cinema", 3),
    ({"amenity": "theatre"}, "Playhouse", 3),
    ({"leisure": "fitness_centre"}, "Gym", 14),
    ({"amenity": "pharmacy"}, "Pharmacy", 15),
    ({"amenity": "library"}, "Library", 4),
    ({"leisure": "dog_park"}, "Dog Park", 5),
    ({"amenity": "hospital"}, "Hospital", 1),
    ({"amenity": "bench"}, "", 120),
    ({"amenity": "bicycle_parking"}, "", 80),
)
SPREAD = 16.0
LEVELS = (("Elementary", "KG", "05"), ("Middle", "06", "08"), ("High", "09", "12"))
LINES: tuple[tuple[str, str, Sequence[Point], int], ...] = (
    ("1", "Mill Road", ROADS[0][1], 12),
    ("2", "Foundry Street", ROADS[1][1], 15),
    ("3", "Summit Avenue", ROADS[2][1], 15),
    ("4", "Tidewater Drive", ROADS[3][1], 30),
    ("5", "Orchard Road", ROADS[4][1], 30),
    ("X", "Route 99X express", HIGHWAY[1], 20),
)
STOPS = 12
FIRST_HOUR, LAST_HOUR = 5, 23


def make_places(*, seed: int) -> dict[str, Any]:
    """Return shops and the like as a GeoJSON collection with OpenStreetMap's tags."""
    rng = random.Random(seed)
    features: list[dict[str, Any]] = []
    for tags, name, count in KINDS:
        for number in range(count):
            latitude, longitude = latitude_longitude(_spot(rng))
            features.append(
                {
                    "type": "Feature",
                    "id": f"node/{len(features) + 1}",
                    "properties": {
                        **tags,
                        **({"name": f"{rng.choice(HOODS).name} {name} {number + 1}"} if name else {}),
                    },
                    "geometry": {
                        "type": "Point",
                        "coordinates": [round(longitude, 6), round(latitude, 6)],
                    },
                }
            )
    return {"type": "FeatureCollection", "features": features}


def _spot(rng: random.Random) -> Point:
    """Return a point beside a road, most often, or within some neighborhood."""
    if rng.random() < 0.75:
        right, down = along(rng.choice(ROADS)[1], rng.uniform(0.08, 0.92))
        return right + rng.gauss(0, SPREAD), down + rng.gauss(0, SPREAD)
    return within(rng.choice(HOODS), rng)


def make_schools(*, seed: int, year: int) -> list[Mapping[str, Any]]:
    """Return schools as rows of a file; growth percentiles are drawn by lot, as everything here."""
    rng = random.Random(seed)
    rows: list[Mapping[str, Any]] = []
    for hood in HOODS:
        for level, low, high in LEVELS if hood.name in ("Foxglove", "Mission") else LEVELS[:2]:
            latitude, longitude = latitude_longitude(within(hood, rng))
            rows.append(
                {
                    "NCESSCH": f"9900001{len(rows) + 1:05d}",
                    "name": f"{hood.name} {level} (simulated)",
                    "level": level,
                    "grade_low": low,
                    "grade_high": high,
                    "district": "Rivermouth School District (simulated)",
                    "growth_percentile": round(rng.uniform(15.0, 90.0)),
                    "tested_students": rng.randint(24, 520),
                    "year": year,
                    "latitude": round(latitude, 6),
                    "longitude": round(longitude, 6),
                }
            )
    return rows


def make_gtfs(*, service_day: str) -> bytes:
    """Return a timetable as a GTFS archive whose buses run on weekdays around a day (YYYYMMDD)."""
    files: dict[str, list[list[Any]]] = {
        "agency.txt": [
            ["agency_id", "agency_name", "agency_url", "agency_timezone"],
            ["RM", "Rivermouth Transit (simulated)", "https://transit.example.com", "America/Los_Angeles"],
        ],
        "calendar.txt": [
            ["service_id", *_DAYS, "start_date", "end_date"],
            ["WK", 1, 1, 1, 1, 1, 0, 0, f"{service_day[:4]}0101", f"{service_day[:4]}1231"],
        ],
        "stops.txt": [["stop_id", "stop_name", "stop_lat", "stop_lon"]],
        "routes.txt": [["route_id", "agency_id", "route_short_name", "route_long_name", "route_type"]],
        "trips.txt": [["route_id", "service_id", "trip_id", "direction_id"]],
        "stop_times.txt": [["trip_id", "arrival_time", "departure_time", "stop_id", "stop_sequence"]],
    }
    for short, name, line, headway in LINES:
        files["routes.txt"].append([f"R{short}", "RM", short, name, 3])
        for number in range(STOPS):
            latitude, longitude = latitude_longitude(along(line, (number + 0.5) / STOPS))
            files["stops.txt"].append(
                [f"{short}-{number}", f"{name} {number + 1}", round(latitude, 6), round(longitude, 6)]
            )
        for direction, start in _trips(headway):
            trip = f"{short}-{direction}-{start}"
            files["trips.txt"].append([f"R{short}", "WK", trip, direction])
            order = range(STOPS) if direction == 0 else range(STOPS - 1, -1, -1)
            for place, number in enumerate(order):
                at = _clock(start + 3 * place)
                files["stop_times.txt"].append([trip, at, at, f"{short}-{number}", place + 1])
    return _zipped(files)


_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _trips(headway: int) -> Iterator[tuple[int, int]]:
    """Return the direction and the first minute of every trip of a day."""
    for direction in (0, 1):
        for start in range(FIRST_HOUR * 60, LAST_HOUR * 60, headway):
            yield direction, start


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}:00"


def _zipped(files: Mapping[str, Sequence[Sequence[Any]]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, rows in files.items():
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows(rows)
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), text.getvalue())
    return buffer.getvalue()
