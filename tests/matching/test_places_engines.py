"""The nearest places, outlines, walkability and transit: figures worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from matching import comfort, geo, transit, walkability
from matching.areas import MILES_PER_DEGREE
from matching.commute import CIRCUITY, straight_miles
from matching.geo import Points, ShapeError, outline_of, read_polygons
from matching.homes import AMENITIES
from matching.places.catalogue import LABELS, Category, category_of
from matching.transit import Service, StopMode

SQUARE = [[-122.4, 47.5], [-122.2, 47.5], [-122.2, 47.7], [-122.4, 47.7], [-122.4, 47.5]]
BOW = [[-122, 47], [-121, 48], [-122, 48], [-121, 47], [-122, 47]]
HOLE = [[-122.35, 47.55], [-122.25, 47.55], [-122.25, 47.65], [-122.35, 47.65], [-122.35, 47.55]]
FAR = np.inf
BUSY = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
"""The machine may be busy."""

degrees = st.tuples(st.floats(25, 49), st.floats(-124, -67))


# Distance


@BUSY
@given(st.lists(degrees, min_size=1, max_size=30), degrees)
def test_the_nearest_are_those_that_are_nearest(
    places: list[tuple[float, float]], home: tuple[float, float]
) -> None:
    lat, lon = (np.array(side) for side in zip(*places, strict=True))
    y, x = home

    miles, which = Points(lat, lon).nearest([y], [x], 3)

    by_hand = np.sort(straight_miles(lat, lon, (y, x)))[:3]
    assert miles[0, : len(by_hand)] == pytest.approx(by_hand, abs=1e-4)
    assert np.isinf(miles[0, len(by_hand) :]).all()
    assert (which[0, len(by_hand) :] == -1).all()


def test_nothing_is_near_where_nothing_is() -> None:
    miles, which = Points([], []).nearest([47.0], [-122.0], 2)

    assert miles.tolist() == [[FAR, FAR]]
    assert which.tolist() == [[-1, -1]]
    assert Points([47.0], [-122.0]).nearest([], [])[0].shape == (0, 1)


# Outlines


def test_a_point_is_inside_but_not_in_the_hole() -> None:
    area = outline_of(read_polygons({"type": "Polygon", "coordinates": [SQUARE, HOLE]}))

    assert area.holds([47.52, 47.6, 48.0], [-122.3, -122.3, -122.3]).tolist() == [True, False, False]
    assert area.box == (47.5, -122.4, 47.7, -122.2)
    whole = outline_of([[SQUARE]]).square_miles
    assert whole == pytest.approx(0.2 * 0.2 * math.cos(math.radians(47.6)) * MILES_PER_DEGREE**2)


@BUSY
@given(st.lists(st.tuples(st.floats(47.4, 47.8), st.floats(-122.5, -122.1)), min_size=1, max_size=20))
def test_many_points_are_judged_as_each_alone(places: list[tuple[float, float]]) -> None:
    area = outline_of([[SQUARE, HOLE]])
    lat, lon = (np.array(side) for side in zip(*places, strict=True))

    assert area.holds(lat, lon).tolist() == [bool(area.holds([y], [x])[0]) for y, x in places]


@pytest.mark.parametrize(
    ("shape", "what", "mend"),
    [
        (None, "The row has no shape.", "Draw a Polygon or MultiPolygon."),
        ({"type": "Point", "coordinates": [1, 2]}, "The shape is a Point.", "Draw a Polygon"),
        ({"type": "MultiPolygon", "coordinates": []}, "The shape is empty.", "Draw at least one ring."),
        ({"type": "Polygon", "coordinates": []}, "The shape is empty.", "Draw at least one ring."),
        ({"type": "Polygon", "coordinates": [[[1, 2], ["x", 3]]]}, "A corner is no pair", "[longitude,"),
        ({"type": "Polygon", "coordinates": [SQUARE[:3]]}, "A ring has 3 corners.", "the first again"),
        ({"type": "Polygon", "coordinates": [SQUARE[:4]]}, "A ring is not closed.", "Repeat its first"),
        (
            {"type": "Polygon", "coordinates": [[[0, 0], *SQUARE[1:4], [0, 0]]]},
            "Latitude and longitude are 0,0.",
            "Leave rows without a place out.",
        ),
        (
            {"type": "Polygon", "coordinates": [[corner[::-1] for corner in SQUARE]]},
            "Latitude -122.4 cannot be.",
            "seem to be swapped",
        ),
        (
            {"type": "Polygon", "coordinates": [[[-122, 47], [-121, 48], [-120, 49], [-122, 47]]]},
            "A ring encloses nothing.",
            "not in a line",
        ),
        (
            {
                "type": "Polygon",
                "coordinates": [BOW],
            },
            "The outline crosses itself near",
            "Draw it without edges that cross.",
        ),
    ],
)
def test_an_outline_that_cannot_be_is_refused_with_a_way_out(shape: object, what: str, mend: str) -> None:
    with pytest.raises(ShapeError) as refused:
        read_polygons(shape)

    assert refused.value.what.startswith(what)
    assert mend in refused.value.mend


def test_an_outline_has_only_so_many_corners(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geo, "MOST_CORNERS", 4)

    with pytest.raises(ShapeError, match="more than 4 corners"):
        read_polygons({"type": "Polygon", "coordinates": [SQUARE]})


def test_an_outline_that_touches_itself_is_well() -> None:
    bow = [[0, 10], [1, 11], [2, 10], [3, 11], [3, 9], [2, 10], [1, 9], [0, 10]]

    assert read_polygons({"type": "Polygon", "coordinates": [bow]}) == [
        [[[float(a), float(b)] for a, b in bow]]
    ]


@pytest.mark.parametrize(("lat", "lon"), [(math.nan, 1.0), (91.0, 200.0), (95.0, 10.0), (0.0, 0.0)])
def test_no_place_is_no_place(lat: float, lon: float) -> None:
    with pytest.raises(ShapeError):
        geo.check_point(lat, lon)


# Walkability


def test_the_walkability_estimate_of_known_places() -> None:
    """Our own numbers of the reference case: 8.0469 points, 53.65."""
    miles = {
        "grocery": [0.3],
        "restaurant": [0.2, 0.3, 0.5, 0.6],
        "shopping": [0.7, 0.9],
        "coffee": [0.2],
        "bank": [0.8],
        "park": [0.4],
        "school": [0.5],
        "library": [],
        "entertainment": [1.2],
    }

    told = walkability.walkability({kind: np.array([near]) for kind, near in miles.items()})

    assert round(float(told.raw[0]), 4) == 8.0469
    assert round(float(told.score[0]), 2) == 53.65
    assert sum(float(points[0]) for points in told.points.values()) == pytest.approx(float(told.raw[0]))
    assert told.known == 1
    assert walkability.band(float(told.score[0])) == "Some errands can be done on foot"


def test_kinds_of_which_nothing_is_known_are_left_out_of_both_sides() -> None:
    near = {"coffee": np.array([[0.1, 0.1], [0.1, FAR]]), "bank": np.array([[0.75], [FAR]])}

    told = walkability.walkability(near, known=("coffee", "bank"))

    assert told.score == pytest.approx([100 * 2.45 / 3, 100 * 1.25 / 3])
    assert told.known == pytest.approx(3 / 15)
    with pytest.raises(ValueError, match="no kind"):
        walkability.walkability(near, known=())


def test_streets_take_off_up_to_five_percent_each_where_they_are_known() -> None:
    near = {"bank": np.full((3, 1), 0.1)}

    plain = walkability.walkability(near, known=("bank",))
    told = walkability.walkability(
        near, known=("bank",), crossings=[200.0, 130.0, 10.0], block_miles=[0.05, 0.0975, 0.5]
    )

    assert plain.score.tolist() == [100.0, 100.0, 100.0]
    assert told.score == pytest.approx([100.0, 95.0, 90.0])
    assert walkability.FULL == 15


@BUSY
@given(st.lists(st.floats(0, 3), min_size=1, max_size=10), st.floats(0.01, 1))
def test_a_place_that_comes_nearer_never_makes_it_less(miles: list[float], nearer: float) -> None:
    far = np.array([sorted(miles)])
    near = np.array([sorted([*miles[1:], miles[0] * nearer])])

    def of(told: NDArray[np.float64]) -> float:
        return float(walkability.walkability({"restaurant": told}, known=("restaurant",)).score[0])

    assert 0 <= of(far) <= of(near) + 1e-9 <= 100 + 1e-6


def test_the_protected_name_is_nowhere() -> None:
    words = " ".join([walkability.NAME, *(words for _, words in walkability.BANDS)]).casefold()

    assert "walk score" not in words
    assert walkability.band(0) == "Nearly all errands need a car"


# Transit


def test_transit_counts_departures_by_kind_and_distance() -> None:
    here = (np.array([47.6]), np.array([-122.3]))
    bus = Service(StopMode.BUS, *here, np.array([64.0]), ways=2)
    rail = Service(StopMode.RAIL, *here, np.array([100.0]), ways=1)
    empty = Service(StopMode.BUS, np.array([]), np.array([]), np.array([]), ways=1)

    both = transit.weighted_departures([47.6, 47.7, 49.0], [-122.3, -122.3, -122.3], [bus, rail, empty])

    assert both.tolist() == [32 + 200, 0, 0]
    assert transit.usefulness([0, 32, 232, 3_000, 9_000]) == pytest.approx(
        [0, 25.145, 55.831, 100, 100], abs=1e-3
    )


def test_a_stop_half_a_mile_off_counts_less() -> None:
    stop = Service(StopMode.BUS, np.array([47.6]), np.array([-122.3]), np.array([10.0]), ways=1)
    north = 0.5 / CIRCUITY / MILES_PER_DEGREE

    assert transit.weighted_departures([47.6 + north], [-122.3], [stop]) == pytest.approx([7.0])


@pytest.mark.parametrize(
    ("route_type", "mode"),
    [
        (3, "bus"),
        (1, "subway"),
        (11, "bus"),
        (109, "rail"),
        (401, "subway"),
        (704, "bus"),
        (900, "tram"),
        (1501, None),
    ],
)
def test_kinds_of_service_are_those_of_the_timetable(route_type: int, mode: str | None) -> None:
    assert transit.mode_of(route_type) == mode


def test_headways_are_of_the_day() -> None:
    assert transit.headway(32) == 30
    assert transit.headway(0) is None


# Kinds of place


@pytest.mark.parametrize(
    ("tags", "category"),
    [
        ({"amenity": "cafe"}, "coffee"),
        ({"shop": "supermarket", "amenity": "waste_basket"}, "grocery"),
        ({"leisure": "park"}, "park"),
        ({"amenity": "Pharmacy"}, "pharmacy"),
        ({"amenity": "bank;atm"}, "bank"),
        ({"leisure": "park", "access": "private"}, None),
        ({"amenity": "place_of_worship"}, None),
        ({"amenity": "social_facility"}, None),
        ({}, None),
    ],
)
def test_tags_tell_kinds_of_place(tags: dict[str, str], category: str | None) -> None:
    assert category_of(tags) == category


def test_every_kind_has_its_words_and_walkability_knows_no_others() -> None:
    assert set(LABELS) == set(Category)
    assert set(walkability.WEIGHTS) <= set(Category)
    assert set(AMENITIES) - {"transit"} == set(Category) - {Category.COMFORT}


# Comfort


def test_comforts_fade_with_every_quarter_mile() -> None:
    mile = 1 / MILES_PER_DEGREE / CIRCUITY
    bench = Points([47.6, 47.6, 40.0], [-122.3, -122.3, -100.0])

    near = comfort.nearby([47.6, 47.6 + 0.25 * mile, 47.6 + 1.01 * mile], [-122.3] * 3, bench)

    assert near == pytest.approx([2, 2 / math.e, 0], rel=1e-6)
    assert comfort.comfort([0, 2, 100, 1_000]) == pytest.approx([0, 23.804, 100, 100], abs=1e-3)
    assert comfort.nearby([], [], bench).tolist() == []
    assert comfort.nearby([47.6], [-122.3], Points([], [])).tolist() == [0]
    assert Points([], []).within([47.0], [-122.0], 1.0)[0].tolist() == []


@BUSY
@given(st.lists(st.tuples(st.floats(47.5, 47.6), st.floats(-122.4, -122.3)), min_size=2, max_size=30))
def test_comforts_of_many_homes_are_those_of_each(places: list[tuple[float, float]]) -> None:
    lat, lon = (np.array(side) for side in zip(*places, strict=True))
    comforts = Points(lat[: len(lat) // 2], lon[: len(lat) // 2])

    every = comfort.nearby(lat, lon, comforts)

    for y, x, found in zip(lat, lon, every, strict=True):
        miles = straight_miles(comforts.lat, comforts.lon, (y, x)) * CIRCUITY
        assert found == pytest.approx(np.exp(miles[miles <= 1] / -0.25).sum(), rel=1e-2, abs=0.02)


def test_kinds_are_judged_by_how_many_are_known() -> None:
    assert walkability.judged({"restaurant": 500, "bank": 5, "park": 4}) == ("restaurant", "bank")
    assert walkability.judged({"park": 1, "motel": 9}) == ("park",)
