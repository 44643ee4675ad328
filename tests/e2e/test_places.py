"""Areas, what is around a home and files of places in a browser: every look with rows in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from leads.models import Tenant, User
from matching.models import PlaceImport
from matching.services.place_imports import run_place_import
from matching.services.places import compute_places
from tests.e2e.conftest import SignedIn
from tests.e2e.looks import EVERY_LOOK, assert_stands, look
from tests.matching import place_files as made
from tests.matching.factories import (
    AgencyLinkFactory,
    ListingFactory,
    NeighborhoodFactory,
    PlaceImportFactory,
    PointOfInterestFactory,
    SchoolFactory,
    TransitStopFactory,
)

AWAY = [[[[-100.0, 40.0], [-99.9, 40.0], [-99.9, 40.1], [-100.0, 40.0]]]]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def paths(tenant: Tenant, live: str) -> list[str]:
    """Pages of a home with a shop, a bus and schools around it, and of a file with rows left out."""
    NeighborhoodFactory(tenant=tenant, name="Alder Heights", slug="alder-heights")
    NeighborhoodFactory(tenant=tenant, name="Bare", slug="bare", boundary=AWAY)
    for number, category in enumerate(
        ("grocery", "restaurant", "coffee", "bank", "park", "library", "comfort")
    ):
        PointOfInterestFactory(
            tenant=tenant, category=category, name=f"The {category}", longitude=-122.301 + number / 500
        )
    SchoolFactory(
        tenant=tenant, growth_percentile=62, tested_students=310, year=2025, url="https://a.example.com/"
    )
    SchoolFactory(tenant=tenant, low_grade="9", high_grade="12")
    TransitStopFactory(tenant=tenant)
    AgencyLinkFactory(tenant=tenant, city="Harborview")
    listing = ListingFactory(tenant=tenant, city="Harborview", latitude=47.603)
    compute_places(tenant=tenant, now=timezone.now())
    error = {
        "row": 3,
        "field": "geometry",
        "what": "Latitude and longitude are 0,0.",
        "mend": "Leave it out.",
    }
    done = PlaceImportFactory(
        tenant=tenant, created=4, failed=1, total=6, done=6, errors=[error], replaces=True
    )
    running = PlaceImportFactory(tenant=tenant, state=PlaceImport.State.RUNNING, total=100, done=40)
    return [
        "/agent/listings/areas/",
        "/agent/listings/areas/alder-heights/",
        "/agent/listings/areas/bare/",
        f"/agent/listings/{listing.pk}/around/",
        "/agent/settings/places/",
        f"/agent/settings/places/files/{done.pk}/",
        f"/agent/settings/places/files/{running.pk}/",
    ]


@EVERY_LOOK
def test_places_look_right(
    page: Page, paths: list[str], broker: User, sign_in_to: SignedIn, width: int, theme: str
) -> None:
    sign_in_to(page, broker)
    look(page, width=width, theme=theme)

    for path in paths:
        assert_stands(page, path)


def test_a_file_is_brought_in_by_the_form(
    page: Page, live: str, tenant: Tenant, broker: User, sign_in_to: SignedIn, tmp_path: Path
) -> None:
    file = tmp_path / "pois.geojson"
    file.write_bytes(made.pois())
    sign_in_to(page, broker)
    page.goto("/agent/settings/places/")

    page.get_by_label("It holds").select_option("pois")
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_label("Source", exact=True).fill("OpenStreetMap")
    page.get_by_label("Of the day").fill("2026-11-10")
    page.get_by_role("button", name="Bring in").click()

    expect(page.get_by_role("heading", name="pois.geojson")).to_be_visible()
    run_place_import(place_import=PlaceImport.objects.get())
    expect(page.get_by_text("Latitude and longitude are 0,0.")).to_be_visible()
    expect(page.get_by_text("Complete")).to_be_visible()
