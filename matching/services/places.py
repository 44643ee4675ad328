"""Work out what is around listings from the places that are known, many thousand at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import orjson
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from numpy.typing import NDArray

from leads.models import Event, Tenant
from matching import comfort, transit, walkability
from matching.areas import MILES_PER_DEGREE
from matching.commute import CIRCUITY
from matching.geo import Outline, Points
from matching.models import (
    Listing,
    ListingPlaces,
    Neighborhood,
    PlaceKind,
    PointOfInterest,
    School,
    TransitStop,
)
from matching.places.catalogue import Category
from matching.transit import Service, StopMode

CHUNK = 10_000
FARTHEST_MILES = 10.0
"""A home with no place at all nearer than this lies where nothing was imported."""
MARGIN = 0.5 / MILES_PER_DEGREE
"""Degrees around the outermost places of a source within which they still tell what is near."""
LISTED_MILES = 25.0
"""Farther than this nothing is told as the nearest."""
_FALLBACK_STOPS = 8

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Progress = Callable[[int, int], None]
Box = tuple[float, float, float, float]

COLUMNS = (
    "listing_id",
    "tenant_id",
    "latitude",
    "longitude",
    "neighborhood_id",
    "walkability",
    "walkability_known",
    "walkability_parts",
    "comfort",
    "transit",
    "nearest",
    "stop_id",
    "stop_miles",
    "headway",
    "nearest_school_id",
    "school_miles",
    "made_from",
    "computed_at",
)


@dataclass(frozen=True, slots=True)
class Kind:
    """Places of one kind: their points, and whose each point is."""

    points: Points
    owner: Ints


@dataclass(frozen=True, slots=True)
class Known:
    """Every place a tenant knows, ready to be asked what is near."""

    kinds: Mapping[Category, Kind]
    boxes: Sequence[Box]
    areas: Sequence[tuple[int, Outline]]
    schools: Kind
    stops: Kind
    stop_departures: Floats
    stop_headways: Floats
    stop_boxes: Sequence[Box]
    services: Sequence[Service]
    made_from: Mapping[str, Sequence[int]]

    @property
    def every(self) -> Points:
        lat = [kind.points.lat for kind in self.kinds.values()]
        lon = [kind.points.lon for kind in self.kinds.values()]
        return Points(np.concatenate([*lat, np.empty(0)]), np.concatenate([*lon, np.empty(0)]))


def compute_places(
    *,
    tenant: Tenant,
    now: datetime,
    listing_ids: Sequence[int] | None = None,
    progress: Progress | None = None,
) -> int:
    """Work out anew what is around a tenant's listings, or some of them; return how many."""
    listings = Listing.objects.filter(tenant=tenant, latitude__isnull=False)
    if listing_ids is not None:
        listings = listings.filter(pk__in=listing_ids)
    return _compute(tenant, listings, now, progress)


def fill_places(*, tenant: Tenant, now: datetime) -> int:
    """Work out what is around listings of which that is not known yet, or that have moved."""
    return _compute(tenant, _unknown(tenant), now, None)


def _compute(tenant: Tenant, listings: QuerySet[Listing], now: datetime, progress: Progress | None) -> int:
    ListingPlaces.objects.filter(tenant=tenant, listing__latitude=None).delete()
    total = listings.count()
    if not total:
        return 0
    known = known_places(tenant)
    every = known.every
    done = 0
    for pk, lat, lon in _chunks(listings):
        _write(_rows(tenant, known, every, pk, lat, lon, now))
        done += len(pk)
        if progress is not None:
            progress(done, total)
    return done


def tenants_to_fill() -> list[int]:
    """Return the tenants with listings of which it is not known what is around them."""
    tenants = Tenant.objects.filter(is_active=True).order_by("pk")
    return [tenant.pk for tenant in tenants if _unknown(tenant).exists()]


def tenants_of_events(*, event_ids: Sequence[int]) -> list[int]:
    """Return whose events these are."""
    rows = Event.objects.filter(pk__in=event_ids).order_by("tenant_id")
    return list(rows.values_list("tenant_id", flat=True).distinct())


def _unknown(tenant: Tenant) -> QuerySet[Listing]:
    moved = ~Q(places__latitude=F("latitude"), places__longitude=F("longitude"))
    missing = Q(places__isnull=True)
    return Listing.objects.filter(missing | moved, tenant=tenant, latitude__isnull=False)


def _chunks(listings: QuerySet[Listing]) -> Iterator[tuple[Ints, Floats, Floats]]:
    after = 0
    while True:
        rows = list(
            listings.filter(pk__gt=after).order_by("pk").values_list("pk", "latitude", "longitude")[:CHUNK]
        )
        if not rows:
            return
        after = rows[-1][0]
        pk, lat, lon = zip(*rows, strict=True)
        yield np.array(pk, np.int64), np.array(lat, float), np.array(lon, float)


# What is known


def known_places(tenant: Tenant) -> Known:
    """Load a tenant's places."""
    found: dict[str, tuple[list[int], list[float], list[float]]] = defaultdict(lambda: ([], [], []))
    boxes: dict[object, list[float]] = {}
    pois = PointOfInterest.objects.filter(tenant=tenant).order_by("pk")
    for pk, category, lat, lon, outline, source in pois.values_list(
        "pk", "category", "latitude", "longitude", "outline", "source"
    ).iterator(chunk_size=20_000):
        _widen(boxes, source, lat, lon)
        ids, lats, lons = found[category]
        for y, x in outline or [(lat, lon)]:
            ids.append(pk)
            lats.append(y)
            lons.append(x)
    school_rows = School.objects.filter(tenant=tenant).order_by("pk")
    stop_boxes: dict[object, list[float]] = {}
    lines: dict[tuple[str, str, str, str, int], list[tuple[float, float, float]]] = defaultdict(list)
    stops = list(
        TransitStop.objects.filter(tenant=tenant)
        .order_by("pk")
        .values_list("pk", "latitude", "longitude", "departures", "headway", "lines", "source")
    )
    for _, lat, lon, _, _, told, source in stops:
        _widen(stop_boxes, source, lat, lon)
        for one in told:
            key = (source, one["line"], one.get("way", ""), one["mode"], one["ways"])
            lines[key].append((lat, lon, one["departures"]))
    return Known(
        kinds={Category(name): _kind(*columns) for name, columns in found.items()},
        boxes=[(box[0], box[1], box[2], box[3]) for box in boxes.values()],
        areas=[
            (area.pk, area.outline)
            for area in Neighborhood.objects.filter(tenant=tenant).order_by("-square_miles", "pk")
        ],
        schools=_kind(*_columns(school_rows.values_list("pk", "latitude", "longitude"))),
        stops=_kind(*_columns([row[:3] for row in stops])),
        stop_departures=np.array([row[3] for row in stops], float),
        stop_headways=np.array([np.nan if row[4] is None else row[4] for row in stops], float),
        stop_boxes=[(box[0], box[1], box[2], box[3]) for box in stop_boxes.values()],
        services=[
            Service(StopMode(mode), told[:, 0], told[:, 1], told[:, 2], ways)
            for (_, _, _, mode, ways), rows in lines.items()
            for told in [np.array(rows, float)]
        ],
        made_from={
            kind.value: ids
            for kind, model in (
                (PlaceKind.NEIGHBORHOODS, Neighborhood),
                (PlaceKind.SCHOOLS, School),
                (PlaceKind.POIS, PointOfInterest),
                (PlaceKind.TRANSIT, TransitStop),
            )
            if (ids := _imports(model, tenant))
        },
    )


def _imports(model: Any, tenant: Tenant) -> list[int]:
    rows = model.objects.filter(tenant=tenant, place_import__isnull=False).order_by("place_import_id")
    return list(rows.values_list("place_import_id", flat=True).distinct())


def _widen(boxes: dict[object, list[float]], source: object, lat: float, lon: float) -> None:
    box = boxes.setdefault(source, [lat, lon, lat, lon])
    box[0], box[1] = min(box[0], lat), min(box[1], lon)
    box[2], box[3] = max(box[2], lat), max(box[3], lon)


def _columns(rows: Any) -> tuple[list[int], list[float], list[float]]:
    told = list(rows)
    return [row[0] for row in told], [row[1] for row in told], [row[2] for row in told]


def _kind(ids: Sequence[int], lat: Sequence[float], lon: Sequence[float]) -> Kind:
    return Kind(Points(lat, lon), np.array(ids, np.int64))


# What is near


def _within(boxes: Sequence[Box], lat: Floats, lon: Floats) -> Flags:
    inside = np.zeros(len(lat), np.bool_)
    for south, west, north, east in boxes:
        inside |= (
            (lat >= south - MARGIN)
            & (lat <= north + MARGIN)
            & (lon >= west - 1.5 * MARGIN)
            & (lon <= east + 1.5 * MARGIN)
        )
    return inside


def _rows(
    tenant: Tenant, known: Known, every: Points, pk: Ints, lat: Floats, lon: Floats, now: datetime
) -> list[tuple[Any, ...]]:
    covered = _within(known.boxes, lat, lon) & (every.nearest(lat, lon)[0][:, 0] <= FARTHEST_MILES)
    near = {
        category: kind.points.nearest(lat, lon, len(walkability.WEIGHTS.get(category, (0.0,))))
        for category, kind in known.kinds.items()
    }
    walk = _walkability(known, near, covered)
    comforts = known.kinds.get(Category.COMFORT)
    comfortable = (
        comfort.comfort(comfort.nearby(lat, lon, comforts.points))
        if comforts is not None
        else np.full(len(pk), np.nan)
    )
    comfortable[~covered] = np.nan
    stop, stop_miles, stop_headway = _stops(known, lat, lon)
    served = _within(known.stop_boxes, lat, lon) | (stop_miles * CIRCUITY <= transit.REACH_MILES)
    useful = transit.usefulness(transit.weighted_departures(lat, lon, known.services))
    useful[~served] = np.nan
    school_miles, which = known.schools.points.nearest(lat, lon)
    school = _owners(known.schools, which[:, 0])
    area = np.full(len(pk), -1, np.int64)
    for area_id, outline in known.areas:
        area[outline.holds(lat, lon)] = area_id
    nearest = _nearest(known, near, len(pk))
    made_from = orjson.dumps(known.made_from).decode()
    return [
        (
            int(pk[row]),
            tenant.pk,
            float(lat[row]),
            float(lon[row]),
            _id(area[row]),
            _number(walk.score[row], 1) if walk is not None and covered[row] else None,
            round(walk.known, 4) if walk is not None and covered[row] else None,
            _parts(walk, row) if walk is not None and covered[row] else "{}",
            _number(comfortable[row], 1),
            _number(useful[row], 1),
            nearest[row],
            _id(stop[row]),
            _number(stop_miles[row], 3),
            _number(stop_headway[row], 1),
            _id(school[row]) if school_miles[row, 0] <= LISTED_MILES else None,
            _number(school_miles[row, 0], 3) if school_miles[row, 0] <= LISTED_MILES else None,
            made_from,
            now,
        )
        for row in range(len(pk))
    ]


def _walkability(
    known: Known, near: Mapping[Category, tuple[Floats, Ints]], covered: Flags
) -> walkability.Walkability | None:
    counts = {kind.value: len(set(places.owner.tolist())) for kind, places in known.kinds.items()}
    judged = walkability.judged(counts)
    if not judged or not covered.any():
        return None
    return walkability.walkability(
        {kind: near[Category(kind)][0] * CIRCUITY for kind in judged}, known=judged
    )


def _parts(walk: walkability.Walkability, row: int) -> str:
    return orjson.dumps({kind: round(float(points[row]), 4) for kind, points in walk.points.items()}).decode()


def _stops(known: Known, lat: Floats, lon: Floats) -> tuple[Ints, Floats, Floats]:
    """Return the stop that serves a home best within reach, else its nearest, with miles and headway."""
    miles, which = known.stops.points.nearest(lat, lon, _FALLBACK_STOPS)
    if not len(known.stops.points):
        nothing = np.full(len(lat), np.nan)
        return np.full(len(lat), -1, np.int64), nothing, nothing
    worth = np.where(which >= 0, known.stop_departures[which] * transit.decay(miles * CIRCUITY), -1.0)
    best = worth.argmax(axis=1)  # the first, the nearest, where all are out of reach
    rows = np.arange(len(lat))
    found, away = which[rows, best], miles[rows, best]
    far = away > LISTED_MILES
    stop = np.where(far, -1, known.stops.owner[found])
    return stop, np.where(far, np.nan, away), np.where(far, np.nan, known.stop_headways[found])


def _owners(kind: Kind, which: Ints) -> Ints:
    if not len(kind.points):
        return np.full(len(which), -1, np.int64)
    return kind.owner[which]


def _nearest(known: Known, near: Mapping[Category, tuple[Floats, Ints]], count: int) -> list[str]:
    """Return of each home the nearest place of each kind, as JSON."""
    told: list[dict[str, list[float | int]]] = [{} for _ in range(count)]
    for category, (miles, which) in near.items():
        owners = _owners(known.kinds[category], which[:, 0]).tolist()
        name = category.value
        for row, (away, owner) in enumerate(zip(miles[:, 0].round(3).tolist(), owners, strict=True)):
            if away <= LISTED_MILES:
                told[row][name] = [away, owner]
    return [orjson.dumps(one).decode() for one in told]


def _number(value: float, places: int) -> float | None:
    return None if not np.isfinite(value) else round(float(value), places)


def _id(value: int) -> int | None:
    return None if value < 0 else int(value)


# Writing


@transaction.atomic
def _write(rows: Sequence[tuple[Any, ...]]) -> None:
    """Put rows in the place of those there are; listings deleted meanwhile are left out."""
    table = ListingPlaces._meta.db_table
    columns = ", ".join(COLUMNS)
    fresh = ", ".join(f"{name} = EXCLUDED.{name}" for name in COLUMNS[1:])
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMP TABLE new_places (LIKE {table}) ON COMMIT DROP")
        with cursor.copy(f"COPY new_places ({columns}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        cursor.execute(
            f"INSERT INTO {table} ({columns}) SELECT {columns} FROM new_places"
            f" WHERE listing_id IN (SELECT id FROM {Listing._meta.db_table})"
            f" ON CONFLICT (listing_id) DO UPDATE SET {fresh}"
        )
        cursor.execute("DROP TABLE new_places")
