"""Files of places taken in, and what is around listings worked out from them."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from config.celery import SCHEDULE
from leads.errors import DomainError
from leads.events import Kind
from leads.models import Event, Tenant
from matching import tasks
from matching.models import (
    Listing,
    ListingPlaces,
    Neighborhood,
    PlaceImport,
    PointOfInterest,
    School,
    TransitStop,
)
from matching.services import place_imports
from matching.services import places as surroundings
from tests.matching import place_files as made
from tests.matching.factories import (
    ListingFactory,
    ListingPlacesFactory,
    NeighborhoodFactory,
    PlaceImportFactory,
    PointOfInterestFactory,
    SchoolFactory,
)

pytestmark = pytest.mark.django_db
NOW = timezone.now()
CONTENT = {
    "pois": made.pois(),
    "neighborhoods": made.areas(),
    "schools": made.SCHOOLS,
    "transit": made.gtfs(),
}
NAMES = {"pois": "p.geojson", "neighborhoods": "n.geojson", "schools": "s.csv", "transit": "t.zip"}
MODELS: dict[str, Any] = {
    "pois": PointOfInterest,
    "neighborhoods": Neighborhood,
    "schools": School,
    "transit": TransitStop,
}


def prepared(tenant: Tenant, kind: str, content: bytes | None = None, **told: Any) -> PlaceImport:
    return place_imports.prepare_place_import(
        **{
            "tenant": tenant,
            "by": None,
            "kind": kind,
            "file_name": NAMES.get(kind),
            "content": content or CONTENT.get(kind),
            "source": "OpenStreetMap",
            "source_date": date(2026, 11, 10),
            **told,
        }
    )


def taken_in(tenant: Tenant, kind: str, content: bytes | None = None, **told: Any) -> PlaceImport:
    return place_imports.run_place_import(place_import=prepared(tenant, kind, content, **told))


def counts(row: PlaceImport) -> tuple[int, int, int, int, int]:
    return row.created, row.updated, row.unchanged, row.removed, row.failed


# Taking in


@pytest.mark.parametrize(
    ("kind", "first", "again"),
    [
        ("pois", (4, 0, 0, 0, 1), (0, 0, 4, 0, 1)),
        ("neighborhoods", (1, 0, 0, 0, 1), (0, 0, 1, 0, 1)),
        ("schools", (2, 0, 0, 0, 3), (0, 0, 2, 0, 3)),
        ("transit", (2, 0, 0, 0, 2), (0, 0, 2, 0, 2)),
    ],
)
def test_a_file_taken_in_twice_changes_nothing(
    kind: str, first: tuple[int, ...], again: tuple[int, ...], tenant: Tenant
) -> None:
    row = taken_in(tenant, kind, licence="ODbL 1.0")

    assert (row.state, counts(row), bytes(row.content), row.leased_until) == ("done", first, b"", None)
    assert all(error["mend"] for error in row.errors)
    assert row.ended_at is not None
    for place in MODELS[kind].objects.all():
        assert (place.source, place.source_date, place.licence) == (
            "OpenStreetMap",
            date(2026, 11, 10),
            "ODbL 1.0",
        )
        assert place.place_import == row
    before = list(MODELS[kind].objects.order_by("pk").values())
    assert counts(taken_in(tenant, kind, licence="ODbL 1.0")) == again
    assert list(MODELS[kind].objects.order_by("pk").values()) == before


def test_newer_data_change_what_differs_and_date_the_rest(tenant: Tenant, other_tenant: Tenant) -> None:
    taken_in(tenant, "pois")
    taken_in(tenant, "pois", source="County")
    taken_in(other_tenant, "pois")
    newer = made.geojson(
        made.feature(made.point(47.601, -122.3), "node/1", amenity="cafe", name="Bean & Co"),
        made.feature(made.point(47.602, -122.3), "node/2", shop="supermarket", name="Corner Grocery"),
    )

    row = taken_in(tenant, "pois", newer, source_date=date(2026, 11, 12), replaces=True)

    assert counts(row) == (0, 1, 1, 2, 0)
    ours = PointOfInterest.objects.filter(tenant=tenant, source="OpenStreetMap")
    assert [(one.name, one.source_date.day) for one in ours.order_by("external_id")] == [
        ("Bean & Co", 12),
        ("Corner Grocery", 12),
    ]
    assert PointOfInterest.objects.filter(source="County").count() == 4
    assert PointOfInterest.objects.filter(tenant=other_tenant).count() == 4


def test_nothing_is_removed_by_a_file_that_cannot_be_read_to_the_end(tenant: Tenant) -> None:
    PointOfInterestFactory(tenant=tenant, external_id="node/99")

    row = taken_in(tenant, "pois", replaces=True)

    assert counts(row) == (4, 0, 0, 0, 1)
    assert PointOfInterest.objects.filter(external_id="node/99").exists()


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"{", "The JSON cannot be read"),
        (made.geojson(made.feature(None, amenity="cafe")), "No row of the file could be taken in."),
        (made.geojson(made.feature(None, amenity="bin")), "The file holds no place of a kind we keep."),
    ],
)
def test_a_file_of_which_nothing_can_be_kept_fails_and_says_why(
    content: bytes, error: str, tenant: Tenant
) -> None:
    PointOfInterestFactory(tenant=tenant)

    row = taken_in(tenant, "pois", content, replaces=True)

    assert (row.state, row.error.startswith(error)) == ("failed", True)
    assert PointOfInterest.objects.count() == 1


def test_a_file_is_kept_whole_or_not_at_all(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    row = prepared(tenant, "neighborhoods")
    NeighborhoodFactory(tenant=tenant, source="City", slug="alder-heights")
    real = place_imports._Slugs.of
    monkeypatch.setattr(place_imports._Slugs, "of", lambda self, name: "alder-heights")

    with pytest.raises(Exception, match="neighborhood_slug"):
        place_imports.run_place_import(place_import=row)

    row.refresh_from_db()
    assert (row.state, Neighborhood.objects.count()) == ("running", 1)
    monkeypatch.setattr(place_imports._Slugs, "of", real)
    assert place_imports.waiting_place_imports() == []  # in the hands of the worker that is gone, for a while
    PlaceImport.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    assert place_imports.waiting_place_imports() == [row.pk]
    assert place_imports.run_place_import(place_import=row).created == 1
    assert set(Neighborhood.objects.values_list("slug", flat=True)) == {"alder-heights", "alder-heights-2"}


def test_two_workers_do_not_take_one_file_in(tenant: Tenant) -> None:
    row = prepared(tenant, "pois")
    PlaceImport.objects.update(leased_until=timezone.now() + timedelta(minutes=1))

    assert place_imports.run_place_import(place_import=row).state == "running"
    assert PointOfInterest.objects.count() == 0


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"kind": "crimes"}, "Choose what the file holds"),
        ({"source": "  "}, "Say whose data it is"),
        ({"source_date": date(2100, 1, 1)}, "still to come"),
        ({"category": "church"}, "There is no kind of place “church”."),
    ],
)
def test_a_file_needs_a_kind_a_source_and_a_date(told: dict[str, Any], message: str, tenant: Tenant) -> None:
    with pytest.raises(DomainError, match=message):
        prepared(tenant, **{"kind": "pois", "file_name": "x", "content": b"x", **told})


def test_a_file_that_is_too_large_is_not_kept(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place_imports, "MAX_BYTES", 10)

    with pytest.raises(DomainError, match="larger than"):
        prepared(tenant, "pois")
    assert PlaceImport.objects.count() == 0


# What is around


def test_what_is_around_a_home_is_worked_out(tenant: Tenant) -> None:
    rows = {kind: taken_in(tenant, kind) for kind in CONTENT}
    home = ListingFactory(tenant=tenant, latitude=47.602, longitude=-122.3)
    nowhere = ListingFactory(tenant=tenant, latitude=None, longitude=None)
    told: list[tuple[int, int]] = []

    done = surroundings.compute_places(tenant=tenant, now=NOW, progress=lambda *at: told.append(at))

    assert (done, told) == (1, [(1, 1)])
    places = ListingPlaces.objects.get(listing=home)
    assert not ListingPlaces.objects.filter(listing=nowhere).exists()
    assert places.neighborhood == Neighborhood.objects.get()
    # a grocery at the door, one coffee and a park near: 3 + 1.25 + the park's, of 3 + 2 + 1
    assert places.walkability_parts["grocery"] == 3
    assert places.walkability_parts["coffee"] == 1.25
    assert places.walkability == pytest.approx(100 * sum(places.walkability_parts.values()) / 6, abs=0.05)
    assert places.walkability_known == 0.4
    assert places.nearest["grocery"] == [0.0, PointOfInterest.objects.get(category="grocery").pk]
    assert places.miles_to("coffee") == pytest.approx(0.069, abs=1e-3)
    assert places.miles_to("park") == pytest.approx(0.486, abs=1e-3)  # to its edge, not its middle
    assert places.comfort == 1.7
    assert places.stop == TransitStop.objects.get(external_id="S1")
    assert places.stop_miles == pytest.approx(0.138, abs=1e-3)
    assert places.headway == 240
    assert places.transit == pytest.approx(3.2, abs=0.1)
    assert places.nearest_school == School.objects.get(name="Alder School")
    assert places.made_from == {kind: [row.pk] for kind, row in rows.items()}
    assert places.computed_at == NOW


def test_where_nothing_was_imported_nothing_is_known(tenant: Tenant) -> None:
    taken_in(tenant, "pois")
    taken_in(tenant, "transit")
    far = ListingFactory(tenant=tenant, latitude=40.0, longitude=-100.0)

    surroundings.compute_places(tenant=tenant, now=NOW)

    places = ListingPlaces.objects.get(listing=far)
    assert (places.walkability, places.comfort, places.transit, places.stop) == (None, None, None, None)
    assert (places.nearest, places.walkability_parts, places.nearest_school) == ({}, {}, None)


def test_without_any_places_a_home_has_none(tenant: Tenant) -> None:
    home = ListingFactory(tenant=tenant)

    assert surroundings.compute_places(tenant=tenant, now=NOW) == 1

    places = ListingPlaces.objects.get(listing=home)
    assert (places.walkability, places.made_from, places.neighborhood) == (None, {}, None)
    Listing.objects.update(latitude=None, longitude=None)
    assert surroundings.compute_places(tenant=tenant, now=NOW) == 0
    assert ListingPlaces.objects.count() == 0


def test_of_areas_within_one_another_the_smallest_is_told(tenant: Tenant, other_tenant: Tenant) -> None:
    NeighborhoodFactory(tenant=other_tenant, square_miles=0.1)
    small = NeighborhoodFactory(tenant=tenant, square_miles=1.0)
    NeighborhoodFactory(tenant=tenant, square_miles=100.0)
    ListingFactory(tenant=tenant)

    surroundings.compute_places(tenant=tenant, now=NOW)

    assert ListingPlaces.objects.get().neighborhood == small


def test_strays_of_a_kind_do_not_make_it_known(tenant: Tenant) -> None:
    for number in range(101):
        PointOfInterestFactory(tenant=tenant, category="restaurant", latitude=47.6 + number / 1e4)
    PointOfInterestFactory(tenant=tenant, category="grocery", latitude=47.61)
    ListingFactory(tenant=tenant, latitude=47.605)

    surroundings.compute_places(tenant=tenant, now=NOW)

    places = ListingPlaces.objects.get()
    assert set(places.walkability_parts) == {"restaurant"}
    assert set(places.nearest) == {"restaurant", "grocery"}


def test_only_what_is_new_or_moved_is_filled_in(
    tenant: Tenant, other_tenant: Tenant, django_capture_on_commit_callbacks: Any
) -> None:
    done = ListingPlacesFactory(listing__tenant=tenant)
    moved = ListingPlacesFactory(listing__tenant=tenant, latitude=47.0)
    fresh = ListingFactory(tenant=tenant)
    ListingFactory(tenant=tenant, latitude=None, longitude=None)
    ListingFactory(tenant=other_tenant)

    assert surroundings.tenants_to_fill() == [tenant.pk, other_tenant.pk]
    tasks.fill_all_places()

    assert surroundings.tenants_to_fill() == []
    done.refresh_from_db()
    moved.refresh_from_db()
    assert done.computed_at.day == 20
    assert (moved.latitude, moved.computed_at > NOW) == (47.6, True)
    assert ListingPlaces.objects.filter(listing=fresh).exists()
    assert "matching.tasks.fill_all_places" in SCHEDULE


def test_news_of_listings_fill_in_what_is_around_them(
    tenant: Tenant, other_tenant: Tenant, django_capture_on_commit_callbacks: Any
) -> None:
    ours, theirs = ListingFactory(tenant=tenant), ListingFactory(tenant=other_tenant)
    event = Event.objects.create(
        tenant=tenant, kind=Kind.LISTING_ADDED, occurred_at=NOW, data={"listing_ids": [ours.pk]}
    )

    with django_capture_on_commit_callbacks(execute=True):
        tasks.follow_listings([event.pk])

    assert list(ListingPlaces.objects.values_list("listing_id", flat=True)) == [ours.pk]
    tasks.fill_places(0)
    tasks.compute_places(0)
    surroundings.compute_places(tenant=other_tenant, now=NOW, listing_ids=[theirs.pk])
    assert ListingPlaces.objects.count() == 2


def test_a_worker_takes_a_file_in_and_works_listings_out(tenant: Tenant) -> None:
    row = prepared(tenant, "pois")
    bad = prepared(tenant, "pois", b"{")
    ListingFactory(tenant=tenant, latitude=47.602)

    tasks.resume_place_imports()

    row.refresh_from_db()
    bad.refresh_from_db()
    assert (row.state, bad.state) == ("done", "failed")
    assert ListingPlaces.objects.get().made_from == {"pois": [row.pk]}


# By command


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "pois.geojson"
    path.write_bytes(made.pois())
    return path


def told_by(capsys: pytest.CaptureFixture[str], *args: object) -> tuple[str, str]:
    call_command("import_places", *(str(arg) for arg in args))
    out, err = capsys.readouterr()
    return out, err


GIVEN = ("--kind", "pois", "--source", "OpenStreetMap", "--date", "2026-11-10")


def test_the_command_imports_and_tells(
    file: Path, tenant: Tenant, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    ListingFactory(tenant=tenant, latitude=47.602)

    out, err = told_by(capsys, file, *GIVEN, "--errors", tmp_path / "left-out.csv")

    assert "6 rows: 4 new, 0 changed, 0 unchanged, 0 removed, 1 of no kind we keep, 1 left out" in out
    assert "1 listings worked out" in out
    assert "row 3, geometry: Latitude and longitude are 0,0. Leave rows without a place out." in err
    assert (tmp_path / "left-out.csv").read_text().splitlines()[1].startswith("3,geometry,")
    schools = file.with_name("schools.csv")
    schools.write_bytes(made.SCHOOLS)
    out, _ = told_by(capsys, schools, *GIVEN[2:], "--kind", "schools", "--tenant", tenant.location_id)
    assert "nothing was taken from: % free lunch" in out


def test_a_dry_run_changes_nothing(file: Path, tenant: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    PlaceImportFactory(tenant=tenant)

    out, _ = told_by(capsys, file, *GIVEN, "--dry-run")

    assert "6 rows: 4 new" in out
    assert "dry run: nothing was changed" in out
    assert (PointOfInterest.objects.count(), PlaceImport.objects.count()) == (0, 1)


def test_the_command_says_what_is_missing(file: Path, tenant: Tenant, other_tenant: Tenant) -> None:
    for wrong, message in (
        ((file, *GIVEN), "Say which tenant"),
        ((file, *GIVEN, "--tenant", "nobody"), "There is no tenant nobody"),
        ((file.with_name("none"), *GIVEN, "--tenant", tenant.location_id), "cannot be read"),
        ((file, *GIVEN[:-1], "11/10", "--tenant", tenant.location_id), "Write the date as"),
        ((file, *GIVEN[:3], " ", *GIVEN[4:], "--tenant", tenant.location_id), "Say whose data it is"),
    ):
        with pytest.raises(CommandError, match=message):
            call_command("import_places", *(str(arg) for arg in wrong))
    file.write_bytes(b"{")
    with pytest.raises(CommandError, match="Nothing was kept"):
        call_command("import_places", str(file), *GIVEN, "--tenant", tenant.location_id)


def test_many_errors_are_told_in_short(
    file: Path, tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = [made.feature(None, n, amenity="cafe") for n in range(12)]
    file.write_bytes(made.geojson(made.feature(made.point(47.6, -122.3), amenity="cafe"), *bad))

    _, err = told_by(capsys, file, *GIVEN)

    assert "… and 2 more; --errors FILE writes all" in err


def test_a_school_has_its_source(tenant: Tenant) -> None:
    assert SchoolFactory(tenant=tenant).source == "OpenStreetMap"
