from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest

from leads.models import Lead, Tenant
from matching import services
from matching.models import Exposure, Ranking, Surface
from tests.factories import LeadFactory
from tests.matching.factories import ListingFactory

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 2, 17, tzinfo=UTC)
ELIGIBLE = {"postal_code": {"98001": 3}}


def show(lead: Lead, ids: list[int], at: datetime = NOON) -> Ranking | None:
    return services.record_exposures(
        lead=lead,
        surface=Surface.PANEL,
        listing_ids=ids,
        eligible=ELIGIBLE,
        now=at,
        version="rules-1",
        sets_schools=True,
    )


def test_what_was_shown_is_kept_in_its_order(tenant: Tenant) -> None:
    lead = LeadFactory(tenant=tenant)
    ids = [ListingFactory(tenant=tenant).pk for _ in range(3)][::-1]

    ranking = show(lead, ids)

    assert ranking is not None
    assert (ranking.shown, ranking.eligible, ranking.version) == (3, ELIGIBLE, "rules-1")
    assert (ranking.sets_schools, ranking.sets_safety) == (True, False)
    assert list(Exposure.objects.order_by("rank").values_list("rank", "listing_id", "surface")) == [
        (1, ids[0], "panel"),
        (2, ids[1], "panel"),
        (3, ids[2], "panel"),
    ]


def test_the_same_list_counts_once_a_day_of_the_team(tenant: Tenant) -> None:
    lead = LeadFactory(tenant=tenant)
    ids = [ListingFactory(tenant=tenant).pk for _ in range(2)]

    first, again = show(lead, ids), show(lead, ids, NOON.replace(hour=23))
    show(lead, ids[::-1])
    show(lead, ids, datetime(2026, 11, 3, 4, 59, tzinfo=UTC))  # still the second in New York
    next_day = show(lead, ids, datetime(2026, 11, 3, 5, tzinfo=UTC))

    assert first == again
    assert next_day is not None
    assert next_day.shown_on == date(2026, 11, 3)
    assert Ranking.objects.count() == 3
    assert Exposure.objects.count() == 6


def test_nothing_shown_is_nothing_kept(tenant: Tenant) -> None:
    assert show(LeadFactory(tenant=tenant), []) is None
    assert Ranking.objects.count() == 0


def test_long_lists_are_kept_as_far_as_people_look(tenant: Tenant) -> None:
    lead = LeadFactory(tenant=tenant)
    ids = [ListingFactory(tenant=tenant).pk for _ in range(51)]

    ranking = show(lead, ids)

    assert ranking is not None
    assert ranking.shown == Exposure.objects.count() == 50


def test_what_could_be_shown_is_counted_by_area() -> None:
    assert services.eligible_by_area(
        postal_codes=np.array(["98001", "98002", "98001", ""]),
        neighborhoods=np.array(["Mill", None, "Mill", "Quay"], dtype=object),
    ) == {"postal_code": {"98001": 2, "98002": 1}, "neighborhood": {"Mill": 2, "Quay": 1}}
    assert services.eligible_by_area(postal_codes=[]) == {"postal_code": {}}
