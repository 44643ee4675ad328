"""Places around homes on public data sets, which are never part of the repository.

HEARTHLINE_DATA_DIR names the folder they lie in, ../shared/data unless set; without it these are skipped.
"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from django.utils import timezone
from numpy.typing import NDArray

from leads.models import Tenant
from matching import transit
from matching.commute import straight_miles
from matching.models import Listing, ListingPlaces, Neighborhood, PlaceImport, School, TransitStop
from matching.places.gtfs import read_gtfs
from matching.places.pois import read_pois
from matching.services.place_imports import prepare_place_import, run_place_import
from matching.services.places import compute_places
from tests.scoring.test_backtest import ROOT

DATA = Path(os.environ.get("HEARTHLINE_DATA_DIR", ROOT.parent / "shared" / "data"))
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        not DATA.is_dir(), reason=f"no public data sets in {DATA}: set HEARTHLINE_DATA_DIR to where they are"
    ),
]
CENTRE = (49.2827, -123.1207)
"""The corner of Georgia and Granville."""
DRAWS = 1_000

Floats = NDArray[np.float64]


def content_of(*path: str) -> bytes:
    file = DATA.joinpath(*path)
    if not file.is_file():
        pytest.skip(f"{file} is not there")
    return file.read_bytes()


def taken_in(tenant: Tenant, kind: str, *path: str, source: str, **told: str) -> PlaceImport:
    return run_place_import(
        place_import=prepare_place_import(
            tenant=tenant,
            by=None,
            kind=kind,
            file_name=path[-1],
            content=content_of(*path),
            source=source,
            source_date=date(2020, 3, 20),
            **told,  # type: ignore[arg-type]
        )
    )


def ranks(values: Floats) -> Floats:
    """Return ranks, equal values sharing their mean."""
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = counts.cumsum()
    middle: Floats = (last - (counts - 1) / 2)[where]
    return middle


def spearman(one: Floats, two: Floats) -> float:
    return float(np.corrcoef(ranks(one), ranks(two))[0, 1])


def interval(one: Floats, two: Floats) -> tuple[float, float]:
    """Return the middle 95 % of Spearman's correlation over homes drawn anew."""
    rng = np.random.default_rng(7)
    drawn = [rng.integers(0, len(one), len(one)) for _ in range(DRAWS)]
    low, high = np.quantile([spearman(one[each], two[each]) for each in drawn], [0.025, 0.975])
    return float(low), float(high)


def test_guests_like_where_streets_are_made_to_stay_in(tenant: Tenant) -> None:
    """Nothing is fitted: how comforts count was settled on half the homes and is measured on the other."""
    row = taken_in(tenant, "pois", "hood_vancouver", "amenities-vancouver.json.gz", source="OpenStreetMap")
    homes = pq.read_table(DATA / "hood_vancouver" / "airbnb_listings.parquet").to_pandas()
    homes = homes[homes.review_scores_location.notna()].reset_index(drop=True)
    Listing.objects.bulk_create(
        Listing(
            tenant=tenant,
            listing_key=str(each.id),
            standard_status="Active",
            latitude=each.latitude,
            longitude=each.longitude,
        )
        for each in homes.itertuples()
    )

    compute_places(tenant=tenant, now=timezone.now())

    assert (row.total, row.created, row.failed) == (17_718, row.created, 0)
    told = {
        places.listing.listing_key: places
        for places in ListingPlaces.objects.filter(tenant=tenant).select_related("listing")
    }
    of = [told[str(key)] for key in homes.id]
    liked = homes.review_scores_location.to_numpy(float)
    comfort = np.array([places.comfort for places in of], float)
    walkability = np.array([places.walkability for places in of], float)
    centre = -straight_miles(homes.latitude.to_numpy(), homes.longitude.to_numpy(), CENTRE)
    other = (homes.id.to_numpy() // 7) % 2 == 1

    assert len(homes) == 1_513
    # the file has no shops and no parks: six of nine kinds are judged
    assert {places.walkability_known for places in of} == {0.6}
    assert round(spearman(centre, liked), 3) == 0.066
    assert round(spearman(walkability, liked), 3) == 0.085
    assert round(spearman(comfort, liked), 3) == 0.296
    assert [round(end, 2) for end in interval(comfort, liked)] == [0.25, 0.34]
    assert round(spearman(comfort[other], liked[other]), 2) == 0.31
    assert [round(end, 2) for end in interval(comfort[other], liked[other])] == [0.24, 0.37]


def test_a_rural_timetable_is_read() -> None:
    told = read_gtfs(content_of("hood_gtfs_skagit", "google_transit.zip"), day=date(2024, 11, 1))

    assert (told.total, len(told.places), told.errors) == (489, 489, [])
    assert told.service_date == date(2024, 11, 1)
    busiest = max(told.places.values(), key=lambda stop: stop["departures"])
    assert busiest["name"] == "Chuckanut P&R (Park & Ride)"
    assert (busiest["departures"], busiest["mode"]) == (91, "bus")
    assert sum(busiest["by_hour"]) == sum(line["departures"] for line in busiest["lines"]) == 91


def test_transit_is_useful_where_the_buses_are(tenant: Tenant) -> None:
    taken_in(tenant, "transit", "hood_gtfs_skagit", "google_transit.zip", source="Skagit Transit")
    station = TransitStop.objects.order_by("-departures")[0]
    for key, north in enumerate((0.0, 0.3)):
        Listing.objects.create(
            tenant=tenant,
            listing_key=str(key),
            standard_status="Active",
            latitude=station.latitude + north,
            longitude=station.longitude,
        )

    compute_places(tenant=tenant, now=timezone.now())

    near, far = ListingPlaces.objects.order_by("listing_id")
    assert near.stop == station
    assert near.headway == pytest.approx(transit.headway(28), abs=0.1)
    assert near.transit is not None
    assert 30 < near.transit < 60
    assert far.transit in (0, None)


@pytest.mark.parametrize(
    ("name", "areas"),
    [("spd-mcpp-areas", 61), ("census-tracts", 136), ("zip-codes", 32), ("sps_attendance_area_HS", 9)],
)
def test_outlines_of_a_city_are_read(name: str, areas: int, tenant: Tenant) -> None:
    row = taken_in(tenant, "neighborhoods", "hood_seattle", f"{name}.geojson", source="City of Seattle")

    assert (row.created, row.errors) == (areas, [])
    assert Neighborhood.objects.count() == areas


def test_schools_and_parks_of_a_city_are_read(tenant: Tenant) -> None:
    taken_in(tenant, "schools", "hood_seattle", "sps_school_site_2015_2016.geojson", source="City of Seattle")
    parks = taken_in(
        tenant, "pois", "hood_seattle", "seattle-parks-osm.geojson", source="OpenStreetMap", category="park"
    )
    few = read_pois(content_of("hood_seattle", "osm_pois_seattle.csv"), "osm_pois_seattle.csv")

    assert School.objects.count() == 97
    assert (parks.total, parks.created, parks.failed) == (545, 452, 0)
    assert (few.total, len(few.places), few.errors) == (552, 253, [])
