from __future__ import annotations

from datetime import date

import pytest
from django.db import IntegrityError

from leads.models import Tenant
from matching.models import AgencyLink, School
from tests.matching.factories import (
    AgencyLinkFactory,
    ListingPlacesFactory,
    NeighborhoodFactory,
    PointOfInterestFactory,
    SchoolFactory,
    TransitStopFactory,
)

pytestmark = pytest.mark.django_db


def test_growth_counts_only_where_it_and_the_pupils_are_told() -> None:
    assert round(SchoolFactory.build(growth_percentile=90, tested_students=30).growth, 4) == 0.65
    assert SchoolFactory.build(growth_percentile=90, tested_students=None).growth is None
    assert School(low_grade="K", high_grade="5").grades == "K–5"
    assert School(low_grade="9", high_grade="9").grades == "9"


@pytest.mark.parametrize(
    ("make", "wrong"),
    [
        (PointOfInterestFactory, {"latitude": 0.0, "longitude": 0.0}),
        (PointOfInterestFactory, {"latitude": 91.0}),
        (TransitStopFactory, {"longitude": -181.0}),
        (SchoolFactory, {"growth_percentile": 101.0}),
        (NeighborhoodFactory, {"south": 48.0, "north": 47.0}),
        (AgencyLinkFactory, {"url": "http://police.example.com/"}),
        (AgencyLinkFactory, {"city": "", "county": ""}),
    ],
)
def test_what_cannot_be_is_not_stored(make: type, wrong: dict[str, object]) -> None:
    with pytest.raises(IntegrityError):
        make(**wrong)


def test_a_place_is_known_once_by_its_source(tenant: Tenant, other_tenant: Tenant) -> None:
    PointOfInterestFactory(tenant=tenant, external_id="node/1")
    PointOfInterestFactory(tenant=tenant, external_id="node/1", source="County")
    PointOfInterestFactory(tenant=other_tenant, external_id="node/1")

    with pytest.raises(IntegrityError):
        PointOfInterestFactory(tenant=tenant, external_id="node/1")


def test_rows_say_what_they_are() -> None:
    hood = NeighborhoodFactory.build(name="Alder Heights")
    places = ListingPlacesFactory.build(nearest={"park": [0.25, 7]})

    assert str(hood) == "Alder Heights"
    assert hood.outline.holds([47.6, 48.0], [-122.3, -122.3]).tolist() == [True, False]
    assert (places.miles_to("park"), places.miles_to("gym")) == (0.25, None)
    assert str(AgencyLink(name="Harborview Police", checked_on=date(2026, 11, 1))) == "Harborview Police"
