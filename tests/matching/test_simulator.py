from __future__ import annotations

import io
import random
import zipfile
from collections import Counter
from datetime import UTC, date, datetime

import pytest

from leads.fair_housing import Severity, check_text
from matching.simulator import draw_ground, make_gtfs, make_listings, make_places, make_schools
from matching.simulator.ground import EAST, HOODS, LAKE, NORTH, PARKS, SEA, SOUTH, WEST, inside, within

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def listings() -> list[dict[str, object]]:
    return list(make_listings(seed=7, now=NOW, on_market=300, sold=500))


def test_the_same_seed_draws_the_same_town(listings: list[dict[str, object]]) -> None:
    assert list(make_listings(seed=7, now=NOW, on_market=300, sold=500)) == listings
    assert draw_ground(seed=7) == draw_ground(seed=7)
    assert make_places(seed=7) == make_places(seed=7)
    assert make_gtfs(service_day="20261124") == make_gtfs(service_day="20261124")


def test_every_listing_has_a_key_a_price_and_a_place_on_the_ground(
    listings: list[dict[str, object]],
) -> None:
    assert len({one["ListingKey"] for one in listings}) == 800
    for one in listings:
        assert isinstance(one["ListPrice"], float)
        assert one["ListPrice"] > 50_000
        assert isinstance(one["Latitude"], float)
        assert isinstance(one["Longitude"], float)
        assert SOUTH < one["Latitude"] < NORTH
        assert WEST < one["Longitude"] < EAST
    statuses = Counter(one["StandardStatus"] for one in listings)
    assert statuses["Closed"] == 500
    assert statuses["Active"] > 200


def test_sales_close_after_they_were_signed_and_before_today(listings: list[dict[str, object]]) -> None:
    for one in listings:
        if one["StandardStatus"] == "Closed":
            listed, signed, closed = (
                date.fromisoformat(str(one[name]))
                for name in ("ListingContractDate", "PurchaseContractDate", "CloseDate")
            )
            assert listed < signed < closed < NOW.date()
            assert (signed - listed).days == one["DaysOnMarket"]
        else:
            assert "ClosePrice" not in one


def test_remarks_say_nothing_the_law_forbids_and_that_they_are_simulated(
    listings: list[dict[str, object]],
) -> None:
    for one in listings:
        assert check_text(str(one["PublicRemarks"])).severity is Severity.PASS
        assert "simulated" in str(one["PublicRemarks"])


def test_nobody_lives_in_the_lake_or_in_a_park() -> None:
    rng = random.Random(1)
    for hood in HOODS:
        for _ in range(100):
            point = within(hood, rng)
            assert inside(point, hood.outline)
            assert not any(inside(point, ring) for ring in (LAKE, SEA, *(ring for _, ring in PARKS)))


def test_rings_are_closed_and_streets_lie_on_the_ground() -> None:
    ground = draw_ground(seed=1)

    assert [one["properties"]["name"] for one in ground.neighborhoods] == [hood.name for hood in HOODS]
    for one in (*ground.neighborhoods, *ground.shapes):
        shape = one["geometry"]
        if shape["type"] == "Polygon":
            assert shape["coordinates"][0][0] == shape["coordinates"][0][-1]
    streets = [one for one in ground.shapes if one["properties"].get("highway") == "residential"]
    assert len(streets) > 60


def test_a_timetable_names_every_stop_its_trips_call_at() -> None:
    with zipfile.ZipFile(io.BytesIO(make_gtfs(service_day="20261124"))) as archive:
        lines = {name: archive.read(name).decode().splitlines()[1:] for name in archive.namelist()}

    stops = {line.split(",")[0] for line in lines["stops.txt"]}
    called = {line.split(",")[3] for line in lines["stop_times.txt"]}
    assert called == stops
    assert len(stops) == 72
    assert lines["calendar.txt"] == ["WK,1,1,1,1,1,0,0,20260101,20261231"]


def test_schools_and_shops_say_they_are_simulated() -> None:
    schools = make_schools(seed=1, year=2025)

    assert len(schools) == 14
    assert all("simulated" in str(school["name"]) for school in schools)
    assert Counter(tuple(one["properties"].items())[0] for one in make_places(seed=1)["features"])[
        ("amenity", "restaurant")
    ] == (90)
