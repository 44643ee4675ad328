"""What a lead looks for, entered through the door."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from leads.events import Kind
from leads.models import Event, Lead, Tenant, User
from matching import features
from matching.forms.choices import FEATURE_GROUPS
from matching.forms.criteria import CriteriaForm
from matching.models import Criteria
from matching.selectors.homes import forget_homes
from matching.services.criteria import keep_criteria
from matching.wants import wants_of
from tests.matching.factories import ListingFactory, NeighborhoodFactory

pytestmark = pytest.mark.django_db

SQUARE = [[47.5, -122.4], [47.5, -122.2], [47.7, -122.2], [47.7, -122.4]]
EVERYTHING: dict[str, Any] = {
    "price_target": 500_000.0,
    "price_max": 600_000.0,
    "monthly_max": 3_800.0,
    "down_payment": 90_000.0,
    "financing": "VA",
    "beds_min": 3.0,
    "baths_min": 1.5,
    "sqft_min": 1_500.0,
    "sqft_max": 2_600.0,
    "types": ["Townhouse", "Timeshare"],
    "lot_min": 4_000.0,
    "year_min": 1990.0,
    "condition": "light work",
    "must_haves": ["garage"],
    "nice_to_haves": {"view": 5, "pantry": 1},
    "deal_breakers": ["hoa"],
    "areas": [{"name": "Near the quay", "polygon": SQUARE}],
    "setting": "urban",
    "schools": ["530-12", "Harborview Schools"],
    "commute_targets": [
        {
            "name": "work",
            "latitude": 47.61,
            "longitude": -122.33,
            "mode": "transit",
            "arrive_by": "08:30",
            "max_minutes": 40.0,
            "days_per_week": 3.0,
        }
    ],
    "amenities": ["grocery", "transit"],
    "investor": {"min_cap": 5.0, "target_cap": 7.0, "rent_month": 2_500.0, "expense_share": 0.4},
    "urgency": "urgent",
    "importance": {"price": "must", "beds": 5, "market": "ignore", "schools": 2},
}


@pytest.fixture(autouse=True)
def _forget() -> None:
    forget_homes()


def page(lead: Lead) -> str:
    return reverse("matching:criteria", args=[lead.pk])


def filled(wants: dict[str, Any], **changes: str) -> dict[str, Any]:
    """Return what a browser sends of the form as it stands, but for some answers."""
    form = CriteriaForm(wants=wants_of(wants))
    sent = {
        name: form[name].value()
        if isinstance(form[name].value(), list | tuple)
        else str(form[name].value() or "")
        for name in form.fields
    }
    return sent | changes


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def words(response: Any) -> str:
    return " ".join(response.content.decode().split())


def test_every_feature_is_asked_for_once() -> None:
    asked = [name for names in FEATURE_GROUPS.values() for name in names]

    assert sorted(asked) == sorted(features.KEYS)


def test_the_form_gives_back_all_it_was_filled_with(lead: Lead, agent: User, agent_client: Client) -> None:
    keep_criteria(lead=lead, told=EVERYTHING, by=None, now=lead.created_at)
    kept = Criteria.objects.get().wants

    assert agent_client.get(page(lead)).status_code == 200
    done = agent_client.post(page(lead), filled(EVERYTHING))

    assert done["Location"] == reverse("matching:lead-panel", args=[lead.pk])
    assert told(done) == ["Kept. The homes below are ranked by it."]
    row = Criteria.objects.get()
    assert (row.wants, row.changed_by) == (kept, agent)


def test_figures_are_taken_as_people_write_them(lead: Lead, agent_client: Client) -> None:
    agent_client.post(page(lead), {"price_max": "$600k", "sqft_min": "1,850", "beds_min": "3"})

    assert Criteria.objects.get().wants == {"price_max": 600_000, "sqft_min": 1850, "beds_min": 3}
    assert Event.objects.filter(kind=Kind.CRITERIA_CHANGED, lead=lead).count() == 1


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"price_max": "a lot"}, "At most: "),
        ({"beds_min": "three"}, "Bedrooms, at least: Write a number, such as 3 or 2.5."),
        ({"beds_min": "30"}, "Bedrooms, at least: 30 is out of range: give 0 to 20."),
        (
            {"price_target": "700000", "price_max": "600000"},
            "Best near: Is above “At most”: swap them, or raise “At most”.",
        ),
        ({"importance-beds": "must"}, "there is no limit: state “Bedrooms, at least”."),
        ({"target-1-name": "work"}, "Latitude, longitude: Needs latitude and longitude in degrees."),
        (
            {"target-0-name": "work", "target-0-place": "47.6, -122.3", "target-0-max_minutes": "900"},
            "Minutes, at most: 900 is out of range: give 1 to 240.",
        ),
        (
            {"target-0-name": "work", "target-0-place": "0, 0"},
            "Latitude, longitude: Needs latitude and longitude in degrees.",
        ),
        ({"area-0-name": "Quay", "area-0-corners": "by the river"}, "“by the river” is no corner."),
        (
            {"area-0-name": "Quay", "area-0-corners": "47.5, -122.4"},
            "Its corners: Must list 3 to 200 corners",
        ),
        (
            {"area-0-name": "Quay", "area-0-corners": "47.5,-122.4\n47.7,-122.2\n47.7,-122.4\n47.5,-122.2"},
            "Its corners: Crosses itself between its sides 1 and 3: draw it without a loop.",
        ),
        (
            {"area-0-name": "Safe neighborhood", "area-0-corners": "47.5,-122.4\n47.5,-122.2\n47.7,-122.2"},
            "is no name for a place: use its street or its map name. Fair housing: homes are matched by what",
        ),
        ({"min_cap": "6"}, "Needs “Cap rate, at least %” and a “Fits fully from %” above it, in percent."),
        ({"importance-schools": "must"}, "Select a valid choice."),
        ({"neighborhoods": "99999999999999999999"}, "Select a valid choice."),
    ],
)
def test_what_cannot_be_is_told_at_its_field_and_nothing_is_kept(
    lead: Lead, agent_client: Client, sent: dict[str, str], said: str
) -> None:
    answer = agent_client.post(page(lead), sent)

    assert answer.status_code == 422
    assert said in words(answer)
    assert 'aria-invalid="true"' in words(answer) or "neighborhoods" in sent
    assert not Criteria.objects.exists()


def test_homes_that_fit_are_counted_without_keeping_anything(lead: Lead, agent_client: Client) -> None:
    for price in (400_000, 500_000, 650_000):
        ListingFactory(tenant=lead.tenant, list_price=price, bedrooms_total=2 if price == 400_000 else 4)
    sent = {"price_max": "600000", "importance-price": "must", "beds_min": "3", "count": "1"}
    kept = '<b class="font-semibold num">{}</b>'
    said = f"{kept.format(2)} of 3 homes keep every must; {kept.format(1)} keeps every limit"

    without_script = agent_client.post(page(lead), sent)
    part = agent_client.post(page(lead), sent, headers={"HX-Request": "true"})
    wrong = agent_client.post(page(lead), {**sent, "beds_min": "x"}, headers={"HX-Request": "true"})

    assert said in words(without_script)
    assert 'value="600,000"' in words(without_script) or 'value="600000"' in words(without_script)
    assert words(part) == said
    assert words(wrong) == "Cannot be counted: 1 answer needs another look"
    assert not Criteria.objects.exists()


def test_answers_of_the_crm_stand_in_the_form_but_are_not_kept(lead: Lead, agent_client: Client) -> None:
    lead.profile = {"budget": 450_000}
    lead.save(update_fields=["profile"])

    seen = words(agent_client.get(page(lead)))

    assert 'value="450,000"' in seen
    assert "Nothing of it counts as said until you save." in seen
    assert not Criteria.objects.exists()


def test_neighborhoods_are_chosen_by_name_and_stay_chosen(
    lead: Lead, other_tenant: Tenant, agent_client: Client
) -> None:
    ours = NeighborhoodFactory(tenant=lead.tenant, name="Alder Heights")
    theirs = NeighborhoodFactory(tenant=other_tenant, name="Quarry Hill")

    refused = agent_client.post(page(lead), {"neighborhoods": [theirs.pk]})
    agent_client.post(page(lead), {"neighborhoods": [ours.pk], "importance-location": "must"})
    seen = words(agent_client.get(page(lead)))

    assert refused.status_code == 422
    assert "Quarry Hill" not in seen
    (area,) = Criteria.objects.get().wants["areas"]
    assert area == {
        "name": "Alder Heights",
        "polygon": [[47.5, -122.4], [47.5, -122.2], [47.7, -122.2], [47.7, -122.4]],
    }
    assert f'name="neighborhoods" value="{ours.pk}" class="check" id="id_neighborhoods_0" checked' in seen
    assert 'name="area-1-name"' not in seen


def test_schools_and_hazards_wait_to_be_asked_for(lead: Lead, agent_client: Client) -> None:
    seen = words(agent_client.get(page(lead)))

    assert seen.count("Not at all, until they ask") == 2
    assert "Both count nothing until the buyer asks for them" in seen


def test_the_form_costs_the_same_however_many_places_there_are(lead: Lead, agent_client: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            agent_client.get(page(lead))
        return len(captured)

    queries()
    few = queries()
    NeighborhoodFactory.create_batch(5, tenant=lead.tenant)

    assert queries() == few
