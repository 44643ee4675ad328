"""Read a timetable (GTFS) into stops and what leaves from them on a typical weekday; pure.

The typical weekday is one on which that set of services runs that runs on most weekdays; the first of them
from the wanted day on. Times are streamed, never held. At the end of its way a trip only arrives.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from leads.imports import FileError, RowError
from matching.geo import ShapeError, check_point
from matching.places.features import number, text
from matching.places.files import Archive, Progress, no_progress
from matching.places.rows import Told
from matching.transit import StopMode, headway, mode_of

NEEDED = ("stops.txt", "routes.txt", "trips.txt", "stop_times.txt")
STEP = 200_000
MOST_ERRORS = 5_000
LONGEST = timedelta(days=800)
_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday")

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Trip:
    """One run of a vehicle on the day that is counted, or many alike."""

    line: str
    name: str
    mode: StopMode
    way: str
    begins: tuple[int, ...] = ()
    """Where it runs every so many minutes: when, in seconds of the day."""


@dataclass(slots=True)
class _Stop:
    by_hour: list[int] = field(default_factory=lambda: [0] * 24)
    lines: Counter[tuple[str, str]] = field(default_factory=Counter)


def read_gtfs(content: bytes, *, day: date, progress: Progress = no_progress) -> Told:
    """Return the stops of a timetable with the departures of its typical weekday near a day."""
    archive = Archive(content)
    missing = [name for name in NEEDED if name not in archive]
    if missing:
        raise FileError(f"The archive has no {', '.join(missing)}: it is no GTFS timetable.", "file")
    errors: list[RowError] = []
    running, counted = _typical(archive, day)
    trips, ways = _trips(archive, running)
    stops, total = _stops(archive, errors)
    told = _departures(archive, trips, stops, errors, progress)
    names = {trip.line: trip for trip in trips.values()}
    places = {}
    for stop_id, left in told.items():
        if not left.lines:
            continue
        lines = [
            {
                "line": line,
                "name": names[line].name,
                "mode": names[line].mode.value,
                "way": way,
                "ways": len(ways[line]),
                "departures": count,
            }
            for (line, way), count in sorted(left.lines.items())
        ]
        modes: Counter[str] = Counter()
        for (line, _), count in left.lines.items():
            modes[names[line].mode.value] += count
        places[stop_id] = {
            **stops[stop_id],
            "mode": modes.most_common(1)[0][0],
            "by_hour": left.by_hour,
            "departures": sum(left.by_hour),
            "headway": headway(max(left.lines.values())),
            "lines": lines,
            "service_date": counted,
        }
    if not places:
        raise FileError("Nothing leaves from any stop on a weekday.", "file")
    ignored = len(stops) - len(places)
    return Told(places, total, errors[:MOST_ERRORS], ignored, service_date=counted)


def _rows(archive: Archive, name: str) -> Iterator[tuple[int, Row]]:
    reader = csv.DictReader(archive.lines(name), skipinitialspace=True)
    try:
        for row in reader:
            yield reader.line_num, {key: value or "" for key, value in row.items() if isinstance(key, str)}
    except csv.Error as error:
        raise FileError(f"{name} cannot be read from line {reader.line_num} on.", "file") from error


def _day(told: str) -> date | None:
    try:
        return date(int(told[:4]), int(told[4:6]), int(told[6:8]))
    except ValueError:
        return None


def _typical(archive: Archive, day: date) -> tuple[frozenset[str], date]:
    """Return the services of a typical weekday, and which day that is."""
    on: dict[date, set[str]] = defaultdict(set)
    if "calendar.txt" in archive:
        for _, row in _rows(archive, "calendar.txt"):
            start, end = _day(row.get("start_date", "")), _day(row.get("end_date", ""))
            if start is None or end is None:
                continue
            runs = [row.get(name) == "1" for name in _WEEK]
            at = max(start, day - LONGEST)
            while at <= min(end, day + LONGEST):
                if at.weekday() < 5 and runs[at.weekday()]:
                    on[at].add(row.get("service_id", ""))
                at += timedelta(days=1)
    if "calendar_dates.txt" in archive:
        for _, row in _rows(archive, "calendar_dates.txt"):
            at_day = _day(row.get("date", ""))
            if at_day is None or at_day.weekday() >= 5:
                continue
            if row.get("exception_type") == "1":
                on[at_day].add(row.get("service_id", ""))
            else:
                on[at_day].discard(row.get("service_id", ""))
    sets = Counter(frozenset(services) for services in on.values() if services)
    if not sets:
        raise FileError("The timetable runs on no weekday: its calendar names none.", "file")
    most = max(sets.values())
    usual = max((each for each, count in sets.items() if count == most), key=sorted)
    days = sorted(at for at, services in on.items() if services == usual)
    return usual, next((at for at in days if at >= day), days[-1])


def _trips(archive: Archive, running: frozenset[str]) -> tuple[dict[str, Trip], dict[str, set[str]]]:
    """Return the trips that run, and the ways each line has."""
    routes = {row.get("route_id", ""): row for _, row in _rows(archive, "routes.txt")}
    begins = _frequencies(archive)
    trips: dict[str, Trip] = {}
    ways: dict[str, set[str]] = defaultdict(set)
    for _, row in _rows(archive, "trips.txt"):
        route = routes.get(row.get("route_id", ""))
        if route is None or row.get("service_id") not in running:
            continue
        told = route.get("route_type", "")
        mode = mode_of(int(told)) if told.isdecimal() else None
        if mode is None:
            continue
        trip_id, line, way = row.get("trip_id", ""), row["route_id"], row.get("direction_id", "")
        name = text(route.get("route_short_name") or route.get("route_long_name") or line, 60)
        trips[trip_id] = Trip(line[:100], name, mode, way, tuple(begins.get(trip_id, ())))
        ways[line[:100]].add(way)
    return trips, ways


def _frequencies(archive: Archive) -> dict[str, list[int]]:
    """Return when the trips begin that run every so many minutes."""
    found: dict[str, list[int]] = defaultdict(list)
    if "frequencies.txt" in archive:
        for _, row in _rows(archive, "frequencies.txt"):
            start, end = _seconds(row.get("start_time", "")), _seconds(row.get("end_time", ""))
            every = number(row.get("headway_secs"))
            if start is not None and end is not None and every is not None and every >= 30:
                found[row.get("trip_id", "")] += range(start, min(end, start + 200_000), int(every))
    return found


def _stops(archive: Archive, errors: list[RowError]) -> tuple[dict[str, dict[str, Any]], int]:
    stops: dict[str, dict[str, Any]] = {}
    total = 0
    for line, row in _rows(archive, "stops.txt"):
        if row.get("location_type", "") not in ("", "0"):
            continue
        total += 1
        lat, lon = number(row.get("stop_lat")), number(row.get("stop_lon"))
        try:
            if lat is None or lon is None:
                raise ShapeError("The stop has no place.", "Fill in stop_lat and stop_lon.")
            check_point(lat, lon)
        except ShapeError as refused:
            errors.append(RowError(line, "stops.txt", refused.what, refused.mend))
            continue
        stop_id = row.get("stop_id", "")[:100]
        stops[stop_id] = {"name": text(row.get("stop_name"), 200), "latitude": lat, "longitude": lon}
    return stops, total


def _seconds(told: str) -> int | None:
    parts = told.strip().split(":")
    if len(parts) != 3 or not all(part.isdecimal() for part in parts):
        return None
    return int(parts[0]) * 3600 + int(parts[1]) * 60 + int(parts[2])


def _departures(
    archive: Archive,
    trips: Mapping[str, Trip],
    stops: Mapping[str, object],
    errors: list[RowError],
    progress: Progress,
) -> dict[str, _Stop]:
    """Count what leaves, holding of each trip its last stop so far: there it ends."""
    told: dict[str, _Stop] = defaultdict(_Stop)
    held: dict[str, tuple[float, str, int, int]] = {}
    for line, row in _rows(archive, "stop_times.txt"):
        if line % STEP == 0:
            progress(line, line)
        trip_id = row.get("trip_id", "")
        trip = trips.get(trip_id)
        if trip is None:
            continue
        stop_id = "" if row.get("pickup_type") == "1" else row.get("stop_id", "")[:100]
        if stop_id and stop_id not in stops:
            what = f"There is no stop “{stop_id[:40]}” with a place."
            errors.append(RowError(line, "stop_times.txt", what, "Add it to stops.txt."))
            stop_id = ""
        written = row.get("departure_time") or row.get("arrival_time") or ""
        at = _seconds(written)
        before = held.get(trip_id)
        if at is None and written.strip():
            errors.append(RowError(line, "stop_times.txt", "The time is none.", "Write it as 08:05:00."))
            continue
        if at is None:  # between timepoints stops have no time of their own
            if before is None:
                continue
            at = before[2]
        sequence = number(row.get("stop_sequence")) or 0.0
        if before is not None:
            last, next_ = sorted([before, (sequence, stop_id, at, before[3])])
            _count(told, trip, *last[1:])
            held[trip_id] = next_
        else:
            held[trip_id] = (sequence, stop_id, at, at)
        if len(errors) >= MOST_ERRORS:
            raise FileError(f"More than {MOST_ERRORS:,} rows cannot be read: {errors[-1].what}", "rows")
    return told


def _count(told: dict[str, _Stop], trip: Trip, stop_id: str, at: int, begun: int) -> None:
    if not stop_id:
        return
    stop = told[stop_id]
    for leaves in [start + at - begun for start in trip.begins] or [at]:
        stop.by_hour[leaves // 3600 % 24] += 1
        stop.lines[trip.line, trip.way] += 1
