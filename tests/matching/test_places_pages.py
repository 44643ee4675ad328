"""Pages of areas, of what is around a listing, and of the files it comes from."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import DjangoAssertNumQueries

from leads.models import Tenant, User
from matching import selectors
from matching.forms import places as forms
from matching.models import AgencyLink, ListingPlaces, PlaceImport, PointOfInterest, School
from matching.services.places import compute_places
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

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture
def around(tenant: Tenant) -> ListingPlaces:
    """A home in Alder Heights with a grocery, a school and a bus near, each with its source."""
    rows = {
        kind: PlaceImportFactory(tenant=tenant, kind=kind, source=source)
        for kind, source in (("pois", "OpenStreetMap"), ("transit", "Harbor Transit"))
    }
    NeighborhoodFactory(tenant=tenant, name="Alder Heights", slug="alder-heights", source="City")
    PointOfInterestFactory(tenant=tenant, place_import=rows["pois"])
    PointOfInterestFactory(tenant=tenant, place_import=rows["pois"], category="park", name="", latitude=47.59)
    PointOfInterestFactory(tenant=tenant, place_import=rows["pois"], category="comfort", longitude=-122.31)
    SchoolFactory(
        tenant=tenant,
        name="Birch School",
        source="State",
        growth_percentile=90,
        tested_students=30,
        year=2025,
        url="https://birch.example.com/",
    )
    SchoolFactory(tenant=tenant, name="Alder School", low_grade="K", high_grade="5", latitude=47.62)
    TransitStopFactory(tenant=tenant, place_import=rows["transit"], source="Harbor Transit")
    listing = ListingFactory(tenant=tenant, county_or_parish="Harbor", unparsed_address="7 Alder Street")
    compute_places(tenant=tenant, now=NOW)
    return ListingPlaces.objects.get(listing=listing)


def text(browser: Client, name: str, *args: object, **told: Any) -> str:
    response = browser.get(reverse(f"matching:{name}", args=args), **told)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def told(response: object) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]  # type: ignore[attr-defined]


# Areas


def test_areas_are_listed_by_name_with_what_they_rest_on(
    agent_client: Client, tenant: Tenant, other_tenant: Tenant, around: ListingPlaces
) -> None:
    NeighborhoodFactory(tenant=tenant, name="Zelkova", slug="zelkova", south=40.0, north=40.1)
    NeighborhoodFactory(tenant=other_tenant, name="Elsewhere")

    page = text(agent_client, "area-list")

    assert page.index("Alder Heights") < page.index("Zelkova")
    assert "Elsewhere" not in page
    assert f'<td class="num text-right">{around.walkability:.0f}</td>' in page
    assert "Harbor Transit" in page
    assert "Fifteen points over nine kinds of place." in page
    assert "Walk Score" not in page
    assert "Bring in a file" not in page


def test_without_areas_the_broker_is_told_how_to_begin(broker_client: Client) -> None:
    page = text(broker_client, "area-list")

    assert "No neighborhoods yet" in page
    assert "No places yet" in page
    assert reverse("matching:places") in page


def test_the_list_costs_the_same_however_many_areas(
    agent_client: Client,
    tenant: Tenant,
    around: ListingPlaces,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(20):
        NeighborhoodFactory(tenant=tenant)

    with django_assert_max_num_queries(16):
        text(agent_client, "area-list")


def test_an_area_shows_what_is_in_it(agent_client: Client, tenant: Tenant, around: ListingPlaces) -> None:
    PointOfInterestFactory(tenant=tenant, category="bank", latitude=48.0)

    page = text(agent_client, "area", "alder-heights")

    assert 'Grocery</dt><dd class="num font-medium">1</dd>' in page
    assert ">Bank<" not in page
    assert "32 departures a weekday" in page
    assert page.index("Alder School") < page.index("Birch School")  # by name, though Birch has a figure
    assert '65 of 100 <span class="text-ink-3">2025, 30 tested</span>' in page
    assert "OpenStreetMap, 1 Nov 2026 (ODbL 1.0)" in page
    assert "ask the district which school an address is assigned to" in page


def test_an_area_nothing_is_known_of_says_so(agent_client: Client, tenant: Tenant) -> None:
    NeighborhoodFactory(tenant=tenant, slug="bare")

    page = text(agent_client, "area", "bare")

    assert "No places known here" in page
    assert "No schools known here" in page
    assert page.count("Not known") == 3


# Around a listing


def test_what_is_around_a_home_names_its_sources(
    agent_client: Client, tenant: Tenant, around: ListingPlaces
) -> None:
    AgencyLinkFactory(tenant=tenant, name="Harbor Sheriff", city="", county="Harbor")

    page = text(agent_client, "listing-around", around.listing_id)
    part = text(agent_client, "listing-around", around.listing_id, headers={"HX-Request": "true"})

    assert "<h1" in page
    assert "<h1" not in part
    for words in (
        "Corner Grocery",
        "Without a name",
        "Alder Heights",
        "Alder St &amp; 5th Ave, 0.14 mi",
        "Timetable: Harbor Transit, 1 Nov 2026",
        "Departures counted for 4 Nov 2026",
        "Walkability judged by 4 of its 15 points",
        "Worked out 20 Nov 2026",
        "Harbor Sheriff</a> publishes its own figures",
        "We keep and score none.",
    ):
        assert words in page, words
    assert page.index("Birch School") < page.index("Alder School")  # by distance


def test_a_home_that_was_not_worked_out_says_why(agent_client: Client, tenant: Tenant) -> None:
    new = ListingFactory(tenant=tenant)
    nowhere = ListingFactory(tenant=tenant, latitude=None, longitude=None)
    bare = ListingFactory(tenant=tenant)
    compute_places(tenant=tenant, now=NOW, listing_ids=[bare.pk])

    assert "worked out within minutes" in text(agent_client, "listing-around", new.pk)
    assert "does not say where it is" in text(agent_client, "listing-around", nowhere.pk)
    page = text(agent_client, "listing-around", bare.pk)
    assert "No places known here" in page
    assert "No timetable known here" in page


def test_a_city_s_agency_comes_before_its_county_s(tenant: Tenant, other_tenant: Tenant) -> None:
    AgencyLinkFactory(tenant=other_tenant, city="Harborview")
    home = ListingFactory(tenant=tenant, city="Harborview", county_or_parish="Harbor")

    assert selectors.agency_of(home) is None
    county = AgencyLinkFactory(tenant=tenant, city="", county="Harbor")
    assert selectors.agency_of(home) == county
    city = AgencyLinkFactory(tenant=tenant, city="HARBORVIEW")
    assert selectors.agency_of(home) == city
    assert selectors.agency_of(ListingFactory.build(tenant=tenant, city="", county_or_parish="")) is None


# Bringing files in


def upload(browser: Client, **told: str) -> Any:
    file = SimpleUploadedFile("pois.geojson", made.pois())
    given = {"kind": "pois", "source": "OpenStreetMap", "source_date": "2026-11-10", "file": file, **told}
    return browser.post(reverse("matching:places"), given)


def test_a_file_is_brought_in_and_reported(
    broker_client: Client,
    broker: User,
    tenant: Tenant,
    django_capture_on_commit_callbacks: Any,
) -> None:
    ListingFactory(tenant=tenant, latitude=47.602)

    with django_capture_on_commit_callbacks(execute=True):
        response = upload(broker_client, licence="ODbL 1.0", replaces="on")

    row = PlaceImport.objects.get()
    assert response["Location"] == reverse("matching:place-import", args=[row.pk])
    assert (row.by, row.state, row.created, row.failed) == (broker, "done", 4, 1)
    assert ListingPlaces.objects.get().walkability is not None
    page = text(broker_client, "place-import", row.pk)
    assert "Latitude and longitude are 0,0." in page
    assert "Nothing was removed, because some rows could not be read." in page
    assert "Complete" in page
    assert "pois.geojson" in text(broker_client, "places")
    rows = broker_client.get(reverse("matching:place-import-errors", args=[row.pk])).content.decode()
    assert rows.splitlines()[1].startswith("3,geometry,")


def test_progress_is_asked_for_until_the_end(broker_client: Client, tenant: Tenant) -> None:
    row = PlaceImportFactory(tenant=tenant, state="running", done=5, total=10)
    address = reverse("matching:place-import", args=[row.pk])

    part = broker_client.get(address, headers={"HX-Request": "true"})
    assert "5 of 10 rows read" in part.content.decode()
    assert 'hx-trigger="every 2s"' in part.content.decode()
    assert "HX-Refresh" not in part
    PlaceImport.objects.update(state="failed", error="The file is empty.", left_out=["% lunch"])
    assert broker_client.get(address, headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    page = text(broker_client, "place-import", row.pk)
    assert "The file is empty. Nothing of the file was kept." in page
    assert "Nothing was taken from: % lunch." in page
    assert broker_client.get(reverse("matching:place-import-errors", args=[row.pk])).status_code == 404
    assert "Nothing kept" in text(broker_client, "places")


def test_the_errors_hold_no_formula(broker_client: Client, tenant: Tenant) -> None:
    error = {"row": 1, "field": "=SUM(A1)", "what": "@x", "mend": ""}
    row = PlaceImportFactory(tenant=tenant, errors=[error])

    response = broker_client.get(reverse("matching:place-import-errors", args=[row.pk]))

    assert response.content.decode().splitlines()[1] == "1,'=SUM(A1),'@x,"


def test_a_file_without_source_or_date_is_not_taken(
    broker_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wrong, words in (
        ({"source": ""}, "This field is required."),
        ({"source_date": "2100-01-01"}, "The date of the data is still to come."),
        ({"kind": "crimes"}, "Select a valid choice."),
    ):
        response = upload(broker_client, **wrong)
        assert response.status_code == 422
        assert words in response.content.decode()
    monkeypatch.setattr(forms, "MAX_BYTES", 3)
    assert "The file is larger than" in upload(broker_client).content.decode()
    assert PlaceImport.objects.count() == 0


def test_a_source_is_removed(
    broker_client: Client, tenant: Tenant, other_tenant: Tenant, django_capture_on_commit_callbacks: Any
) -> None:
    for whose in (tenant, other_tenant):
        PointOfInterestFactory(tenant=whose)
        SchoolFactory(tenant=whose)
    PointOfInterestFactory(tenant=tenant, source="County")
    address = reverse("matching:places-remove")

    with django_capture_on_commit_callbacks(execute=True):
        response = broker_client.post(address, {"kind": "pois", "source": "OpenStreetMap"})

    assert told(response) == ["1 places of OpenStreetMap removed. Homes are worked out anew."]
    assert PointOfInterest.objects.count() == 2
    assert School.objects.count() == 2
    assert told(broker_client.post(address, {"kind": "x"}))[-1] == "There is no such kind of place."


def test_agencies_are_linked_and_forgotten(broker_client: Client, broker: User, tenant: Tenant) -> None:
    address = reverse("matching:agency-keep")
    given = {
        "name": "Harborview Police",
        "city": "Harborview",
        "state_or_province": "wa",
        "url": "https://police.example.com/",
    }

    assert told(broker_client.post(address, given)) == ["Harborview Police: kept."]
    broker_client.post(address, {**given, "name": "Harborview PD"})

    link = AgencyLink.objects.get()
    assert (link.name, link.state_or_province, link.made_by) == ("Harborview PD", "WA", broker)
    assert link.checked_on >= date(2026, 1, 1)
    assert "Harborview PD" in text(broker_client, "places")
    for wrong, words in (
        ({"url": "http://police.example.com/"}, "Enter a valid URL."),
        ({"city": ""}, "Say which city or county it is."),
        ({"state_or_province": "1!"}, "Write the state as two letters."),
    ):
        response = broker_client.post(address, {**given, **wrong})
        assert response.status_code == 422
        assert words in response.content.decode()
    broker_client.post(reverse("matching:agency-remove", args=[link.pk]))
    assert AgencyLink.objects.count() == 0


def test_another_team_s_rows_do_not_exist(
    broker_client: Client, agent_client: Client, other_tenant: Tenant
) -> None:
    area = NeighborhoodFactory(tenant=other_tenant)
    row, link = PlaceImportFactory(tenant=other_tenant), AgencyLinkFactory(tenant=other_tenant)
    home = ListingFactory(tenant=other_tenant)

    assert agent_client.get(reverse("matching:area", args=[area.slug])).status_code == 404
    assert agent_client.get(reverse("matching:listing-around", args=[home.pk])).status_code == 404
    assert broker_client.get(reverse("matching:place-import", args=[row.pk])).status_code == 404
    assert broker_client.post(reverse("matching:agency-remove", args=[link.pk])).status_code == 404
    assert AgencyLink.objects.count() == 1
    assert agent_client.get(reverse("matching:places")).status_code == 403
