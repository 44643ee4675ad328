"""Files of places as the world writes them: read, or told what is wrong and how to mend it."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from datetime import date

import pytest

from leads.imports import FileError
from matching.places import files
from matching.places.catalogue import Category
from matching.places.features import RowRefused, spot_of
from matching.places.gtfs import read_gtfs
from matching.places.neighborhoods import read_neighborhoods
from matching.places.pois import read_pois
from matching.places.schools import read_schools
from tests.matching import place_files as made
from tests.matching.place_files import feature, geojson, gtfs, point

DAY = date(2026, 11, 10)


# Points of interest


def test_points_of_a_map_are_read_by_their_tags() -> None:
    told = read_pois(made.pois(), "pois.geojson")

    assert {key: place["category"] for key, place in told.places.items()} == {
        "node/1": "coffee",
        "node/2": "grocery",
        "node/5": "comfort",
        "way/6": "park",
    }
    assert (told.total, told.failed, told.ignored) == (6, 1, 1)
    (error,) = told.errors
    assert error.as_dict() == {
        "row": 3,
        "field": "geometry",
        "what": "Latitude and longitude are 0,0.",
        "mend": "Leave rows without a place out.",
    }
    park = told.places["way/6"]
    assert (park["latitude"], park["longitude"]) == (47.605, -122.285)
    assert len(park["outline"]) == 64
    assert told.places["node/1"]["outline"] is None


def test_overpass_is_read() -> None:
    elements = [
        {"type": "node", "id": 1, "lat": 47.6, "lon": -122.3, "tags": {"amenity": "bank"}},
        {"type": "way", "id": 2, "center": {"lat": 47.6, "lon": -122.3}, "tags": {"shop": "bakery"}},
        {
            "type": "way",
            "id": 3,
            "geometry": [{"lat": 47.6, "lon": -122.3}, {"lat": 47.61, "lon": -122.3}],
            "tags": {"route": "hiking", "name": "Ridge Trail"},
        },
        {
            "type": "relation",
            "id": 4,
            "bounds": {"minlat": 47.6, "minlon": -122.31, "maxlat": 47.7, "maxlon": -122.3},
            "tags": {"leisure": "park"},
        },
        {"type": "node", "id": 5, "tags": {"amenity": "cafe"}},
    ]

    told = read_pois(json.dumps({"elements": elements}).encode(), "overpass.json")

    assert {key: place["category"] for key, place in told.places.items()} == {
        "node/1": "bank",
        "way/2": "shopping",
        "way/3": "trail",
        "relation/4": "park",
    }
    assert told.places["way/3"]["latitude"] == 47.605
    assert [(error.row, error.what) for error in told.errors] == [(5, "The row has no place.")]


def test_an_object_a_line_is_read_and_packed_too() -> None:
    lines = b"""{"lat": 49.26, "lon": -123.12, "amenity": "cafe", "name": "Bean", "tags": {"takeaway": "yes"}}
{"lat": 49.26, "lon": -123.12, "amenity": "cafe", "name": "Bean", "tags": {}}

{"lat": "49,26x", "lon": -123.12, "amenity": "bank", "tags": {}}
{"lat": 49.26, "lon": -123.1
[1]
"""

    told = read_pois(gzip.compress(lines), "amenities.json.gz")

    assert [place["name"] for place in told.places.values()] == ["Bean"]
    assert next(iter(told.places)).startswith("made/")
    assert [(error.row, error.what) for error in told.errors] == [
        (3, "The place is no pair of numbers."),
        (4, "The row is no object."),
        (5, "The row is no object."),
    ]
    assert told.places == read_pois(lines, "amenities.json").places


def test_a_table_and_a_kind_of_ones_own_are_read() -> None:
    told = read_pois(
        b"osm_id,kind,lon,lat\n7,school,-122.3,47.6\n8,Dog Park,-122.3,47.6\n9,motel,-122.3,47.6\n", "p.csv"
    )
    parks = geojson(
        feature(point(47.6, -122.3), 1, name="A", tags='"wikipedia"=>"en:A", "amenity"=>"cafe"'),
        feature(point(47.6, -122.3), 2, osm_id=0, name="B"),
        feature(point(47.6, -122.3), 2, osm_id=0, name="C"),
    )

    assert [place["category"] for place in told.places.values()] == ["school", "dog_park"]
    assert told.ignored == 1
    named = read_pois(parks, "parks.geojson", category=Category.PARK)
    assert {key: place["category"] for key, place in named.places.items()} == {"1": "coffee", "2": "park"}
    assert [error.what for error in named.errors] == ["Row 2 has the same id and tells otherwise."]


def test_pieces_of_one_park_are_one_place() -> None:
    def piece(west: float) -> object:
        return feature(
            {"type": "LineString", "coordinates": [[west, 47.6], [west, 47.7]]},
            5,
            leisure="park",
            name="Long",
        )

    told = read_pois(geojson(piece(-122.3), piece(-122.4)), "parks.geojson")

    assert (told.total, len(told.places), told.failed) == (2, 1, 0)
    assert len(told.places["5"]["outline"]) == 128


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"  ", "The file is empty."),
        (b"PK\x03\x04", "This is a zip archive."),
        (b"\xff\xfe\x00\xd8", "The file is not UTF-8 text."),
        (b"\x1f\x8bnonsense", "it cannot be unpacked"),
        (gzip.compress(b"[1, 2]" * 99)[:-9], "its end is missing"),
        (b"{}", "The file holds no places"),
        (b"[]", "The file holds no rows."),
        (b'{"type": "FeatureCollection", "features": []}', "The file holds no rows."),
        (b'{"features": [{]}', "The JSON cannot be read from line 1, column"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_file_that_is_none_is_told_as_such(content: bytes, what: str) -> None:
    with pytest.raises(FileError) as refused:
        read_pois(content, "pois.json")

    assert what in refused.value.message


def test_bombs_are_noticed_before_they_burst(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_UNPACKED", 2_000_000)
    with pytest.raises(FileError, match="Unpacked it is larger than 1 MB"):
        read_pois(gzip.compress(b" " * 5_000_000), "bomb.json.gz")
    with pytest.raises(FileError, match="Unpacked it is larger than 1 MB"):
        read_gtfs(gtfs(shapes=" " * 5_000_000), day=DAY)
    monkeypatch.setattr(files, "MAX_MEMBERS", 3)
    with pytest.raises(FileError, match="at most 3 are read"):
        read_gtfs(gtfs(), day=DAY)
    monkeypatch.setattr(files, "MAX_ROWS", 1)
    with pytest.raises(FileError, match="at most 1 are read"):
        read_pois(made.pois(), "pois.geojson")
    monkeypatch.setattr(files, "MAX_BYTES", 10)
    with pytest.raises(FileError, match="Cut it by area"):
        read_pois(made.pois(), "pois.geojson")
    with pytest.raises(FileError, match="larger than"):
        read_gtfs(gtfs(), day=DAY)


@pytest.mark.parametrize(
    "geometry",
    [
        {"type": "GeometryCollection"},
        {"type": "MultiPolygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[["a", "b"]]]},
        {"type": "Point", "coordinates": None},
    ],
)
def test_a_shape_that_is_none_is_refused(geometry: object) -> None:
    with pytest.raises(RowRefused):
        spot_of(geometry)


def test_of_many_pieces_the_middle_of_all_is_taken() -> None:
    square = [[-122.0, 47.0], [-122.0, 47.001], [-122.001, 47.001], [-122.0, 47.0]]

    spot = spot_of({"type": "MultiPolygon", "coordinates": [[square], [square]]})

    assert (spot.lat, spot.lon) == pytest.approx((47.0005, -122.0005))
    assert spot_of({"type": "MultiPoint", "coordinates": [[-122.0, 47.0], [-122.0, 47.0]]}).outline == ()


# Neighborhoods


def test_outlines_are_read_and_what_crosses_itself_is_left_out() -> None:
    told = read_neighborhoods(made.areas())

    assert list(told.places) == ["Alder Heights"]
    area = told.places["Alder Heights"]
    assert (area["name"], area["south"], area["east"]) == ("Alder Heights", 47.5, -122.2)
    (error,) = told.errors
    assert (error.row, error.field) == (2, "geometry")
    assert error.what.startswith("The outline crosses itself near")


def test_names_are_looked_for() -> None:
    shape = {"type": "Polygon", "coordinates": [made.SQUARE]}

    assert list(read_neighborhoods(geojson(feature(shape, 7, quarter="Alder"))).places) == ["7"]
    told = read_neighborhoods(
        geojson(feature(shape, a="x", b="y"), feature(shape, a="x", b="y")), name_property="B"
    )
    assert list(told.places) == ["y"]
    assert [error.what for error in told.errors] == ["“y” is in the file twice."]
    nameless = read_neighborhoods(geojson(feature(shape, name="")))
    assert [error.mend for error in nameless.errors] == ["Fill in “name”."]
    with pytest.raises(FileError, match="there are: a, b"):
        read_neighborhoods(geojson(feature(shape, a="x", b="y")))
    with pytest.raises(FileError, match="there are: none"):
        read_neighborhoods(geojson(feature(shape)))
    assert read_neighborhoods(b'[1, {"name": "A"}]').failed == 2


# Schools


def test_schools_are_read_without_who_their_pupils_are() -> None:
    told = read_schools(made.SCHOOLS, "schools.csv")

    alder, birch = told.places.values()
    assert (alder["nces_id"], alder["level"], alder["growth_percentile"]) == (
        "530771001234",
        "elementary",
        62,
    )
    assert (alder["tested_students"], alder["year"], alder["low_grade"]) == (310, 2025, "KG")
    assert (birch["nces_id"], birch["level"], birch["growth_percentile"]) == ("053077100999", "high", None)
    assert [(error.row, error.field) for error in told.errors] == [
        (4, "growth_percentile"),
        (5, "year"),
        (6, "geometry"),
    ]
    assert told.left_out == ["% free lunch"]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"name": "", "lat": 47.6, "lon": -122.3}, "name"),
        ({"name": "A", "ncessch": "12", "lat": 47.6, "lon": -122.3}, "nces_id"),
        (
            {"name": "A", "growth": 50, "tested": "many", "year": 2025, "lat": 47.6, "lon": -122.3},
            "tested_students",
        ),
        ({"name": "A", "lat": 0, "lon": 0}, "geometry"),
    ],
)
def test_a_school_that_cannot_be_read_says_where(row: dict[str, object], field: str) -> None:
    good = {"name": "B", "ncessch": "", "growth": "", "tested": "", "year": "", "lat": 47.6, "lon": -122.3}

    told = read_schools(json.dumps([good, {**good, **row}, good]).encode(), "schools.json")

    assert [(error.row, error.field) for error in told.errors] == [(2, field), (3, "nces_id")]


@pytest.mark.parametrize(
    ("told", "level"),
    [
        ({"status": "ELEM"}, "elementary"),
        ({"level": "Junior High"}, "middle"),
        ({"gslo": "PK", "gshi": "06"}, "elementary"),
        ({"gslo": "06", "gshi": "08"}, "middle"),
        ({"gslo": "KG", "gshi": "08"}, "other"),
        ({"gslo": "KG", "gshi": "12"}, "other"),
        ({"name": "Birch HS"}, "high"),
        ({}, "other"),
    ],
)
def test_whom_a_school_teaches(told: dict[str, str], level: str) -> None:
    row = {"name": "Alder", "lat": 47.6, "lon": -122.3, "url": "ftp://x", **told}

    (school,) = read_schools(json.dumps([row]).encode(), "schools.json").places.values()

    assert (school["level"], school["url"]) == (level, "")


def test_schools_need_names() -> None:
    with pytest.raises(FileError, match="No column holds the names"):
        read_schools(b"a,b\n1,2\n", "schools.csv")


# Timetables


def test_departures_of_a_typical_weekday_are_counted() -> None:
    told = read_gtfs(gtfs(), day=DAY)

    assert (told.service_date, told.total, told.ignored) == (DAY, 3, 0)
    first, second = told.places["S1"], told.places["S2"]
    assert [hour for hour, count in enumerate(first["by_hour"]) if count] == [1, 8, 12]
    assert (first["departures"], first["by_hour"][12]) == (4, 2)
    assert first["lines"] == [
        {"line": "7", "name": "7", "mode": "bus", "way": "0", "ways": 2, "departures": 4}
    ]
    assert first["headway"] == 240
    # a trip only arrives where it ends, but T1 goes on to a stop nobody knows
    assert (second["departures"], [line["way"] for line in second["lines"]]) == (2, ["0", "1"])
    assert [(error.row, error.field, error.what) for error in told.errors] == [
        (4, "stops.txt", "Latitude and longitude are 0,0."),
        (13, "stop_times.txt", "There is no stop “S9” with a place."),
    ]


def test_a_holiday_is_no_typical_day() -> None:
    assert read_gtfs(gtfs(), day=date(2026, 11, 26)).service_date == date(2026, 11, 27)
    assert read_gtfs(gtfs(), day=date(2027, 6, 1)).service_date == date(2026, 12, 31)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"nothing", "no zip archive"),
        (gtfs(stops=None), "no stops.txt: it is no GTFS"),
        (gtfs(calendar="service_id,start_date\nWK,x\n", calendar_dates=None), "runs on no weekday"),
        (gtfs(trips="route_id,service_id,trip_id\nZ,WK,T1\n"), "Nothing leaves"),
        (gtfs(stop_times="trip_id,stop_id\n" + "x" * 200_000 + ",S1\n"), "cannot be read from line"),
    ],
)
def test_an_archive_that_is_no_timetable_is_told_as_such(content: bytes, what: str) -> None:
    with pytest.raises(FileError) as refused:
        read_gtfs(content, day=DAY)

    assert what in refused.value.message


def test_a_damaged_or_foreign_table_is_told_as_such() -> None:
    held = io.BytesIO(gtfs())
    raw = bytearray(held.getvalue())
    with zipfile.ZipFile(held) as archive:
        info = archive.getinfo("stop_times.txt")
    start = info.header_offset + 30 + len(info.filename)
    raw[start : start + 20] = b"\xff" * 20
    with pytest.raises(FileError, match="stop_times.txt in the archive is damaged"):
        read_gtfs(bytes(raw), day=DAY)

    foreign = io.BytesIO()
    with zipfile.ZipFile(foreign, "w") as archive:
        for name, text in made.TABLES.items():
            archive.writestr(name, b"stop_id\n\xff\xfe" if name == "stops.txt" else text)
    with pytest.raises(FileError, match="stops.txt is not UTF-8"):
        read_gtfs(foreign.getvalue(), day=DAY)


def test_times_between_timepoints_follow_the_one_before() -> None:
    times = (
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence,pickup_type\n"
        "T1,,,S1,0,\nT1,08:00:00,08:00:00,S1,1,\nT1,,,S2,2,\nT1,soon,soon,S1,3,\nT1,09:00:00,09:00:00,S1,4,1\n"
    )

    told = read_gtfs(gtfs(stop_times=times, frequencies=None), day=DAY)

    assert {stop: place["by_hour"][8] for stop, place in told.places.items()} == {"S1": 1, "S2": 1}
    assert [error.what for error in told.errors][-1] == "The time is none."
