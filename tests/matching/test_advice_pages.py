"""What moves a lead's list, and what stands beside it, through the door."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from leads.events import Kind
from leads.models import Event, Lead, Tenant, User
from leads.services.events import record_event
from matching.models import Criteria, Listing, SavedSearch
from matching.selectors.homes import forget_homes
from matching.services.criteria import keep_criteria
from matching.services.preferences import learn_from
from tests import factories
from tests.conftest import Freeze
from tests.matching.factories import ListingFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WANTS: dict[str, Any] = {
    "price_target": 500_000,
    "price_max": 600_000,
    "beds_min": 4,
    "importance": {"price": "must"},
}


@pytest.fixture(autouse=True)
def _start(freeze: Freeze) -> None:
    freeze(NOW)
    forget_homes()


def looking(lead: Lead, **wants: Any) -> Criteria:
    return keep_criteria(lead=lead, told={**WANTS, **wants}, by=None, now=NOW)


def home(lead: Lead, price: int, address: str = "", **facts: Any) -> Listing:
    named = {"unparsed_address": address} if address else {}
    listing: Listing = ListingFactory(tenant=lead.tenant, list_price=Decimal(price), **named, **facts)
    return listing


def saved(lead: Lead, listing: Listing, days: int) -> int:
    event = record_event(
        tenant=lead.tenant,
        lead=lead,
        kind=Kind.LISTING_SAVED,
        occurred_at=NOW - timedelta(days=days),
        data={"listing_key": listing.listing_key},
    )
    assert event is not None
    return event.pk


def at(name: str, *args: int) -> str:
    return reverse(f"matching:{name}", args=args)


def read(browser: Client, lead: Lead) -> str:
    response = browser.get(at("lead-panel", lead.pk))
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


# Limits


def test_a_limit_moved_tells_what_it_opens_and_is_taken_over(
    lead: Lead, agent: User, agent_client: Client
) -> None:
    home(lead, 500_000)
    best = home(lead, 612_000, "12 Alder Street", bedrooms_total=4)
    home(lead, 613_000)
    looking(lead)

    seen = read(agent_client, lead)
    assert '<b class="font-semibold">$20,000 more opens 2 homes</b>; the best is' in seen
    assert f'href="{at("lead-home", lead.pk, best.pk)}">12 Alder Street</a>, $612,000' in seen
    done = agent_client.post(at("criteria-limit", lead.pk), {"key": "price_max|$20,000 more"})

    assert told(done) == ["Kept: $20,000 more."]
    criteria = Criteria.objects.get()
    assert criteria.wants == WANTS | {"price_max": 620_000}
    assert criteria.changed_by == agent


def test_a_limit_that_opens_nothing_is_not_moved(lead: Lead, agent_client: Client) -> None:
    home(lead, 500_000)
    looking(lead)
    assert "No must keeps out a home that a small move would let in." in read(agent_client, lead)

    done = agent_client.post(at("criteria-limit", lead.pk), {"key": "price_max|$20,000 more"})

    assert told(done) == ["That limit opens no home any more: the list below is up to date."]
    assert Criteria.objects.get().wants == WANTS


# What they do


def test_what_was_learned_stands_beside_what_was_said_and_is_undone(lead: Lead, agent_client: Client) -> None:
    cheap = home(lead, 450_000, bedrooms_total=2)
    looking(lead)
    learn_from(event_ids=[saved(lead, cheap, days=day) for day in (3, 2, 1)])

    seen = read(agent_client, lead)
    assert "From 3 things they did with homes." in seen
    clear = re.findall(r'name="factor" value="(\w+)"', seen)
    assert clear
    done = agent_client.post(at("criteria-undo", lead.pk), {"factor": clear[0]})

    assert told(done) == ["It counts again as they said. What they do from now on is learned anew."]
    assert clear[0] not in re.findall(r'name="factor" value="(\w+)"', read(agent_client, lead))
    agent_client.post(at("criteria-undo", lead.pk), {"factor": ""})
    assert Criteria.objects.get().learned == {}
    assert "What we learned" not in read(agent_client, lead)
    assert told(agent_client.post(at("criteria-undo", lead.pk), {"factor": ""})) == [
        "Nothing was learned of this lead yet."
    ]


@pytest.mark.parametrize(("answer", "beds"), [("accept", 3), ("reject", 4)])
def test_what_is_observed_is_taken_over_or_told_no_more(
    lead: Lead, agent_client: Client, answer: str, beds: int
) -> None:
    looking(lead)
    for day in range(6):
        saved(lead, home(lead, 500_000, bedrooms_total=3), days=day + 1)
    said = "You ask for 4 bedrooms; 6 of 6 saved homes have 3."
    assert said in read(agent_client, lead)

    agent_client.post(at("criteria-observed", lead.pk), {"key": "beds_min", "answer": answer})

    assert Criteria.objects.get().wants["beds_min"] == beds
    assert said not in read(agent_client, lead)
    again = agent_client.post(at("criteria-observed", lead.pk), {"key": "beds_min", "answer": answer})
    assert told(again)[-1].startswith("That observation was answered already")


# Why not


def test_a_home_is_found_by_its_number_and_its_page_says_why_not(lead: Lead, agent_client: Client) -> None:
    dear = home(lead, 700_000, "12 Alder Street", listing_id="NWM-771")
    looking(lead)

    found = agent_client.get(at("lead-why-not", lead.pk), {"home": " nwm-771 "}, follow=True)

    assert found.redirect_chain == [(at("lead-home", lead.pk, dear.pk), 302)]
    seen = " ".join(found.content.decode().split())
    assert "Not in their list: $700,000, $100,000 above your limit of $600,000." in seen
    assert "What costs it points" in seen
    assert "Bedrooms: 3 bedrooms, 1 fewer than you ask for" in seen


def test_several_homes_of_an_address_are_offered_and_others_are_not_found(
    lead: Lead, other_tenant: Tenant, agent_client: Client
) -> None:
    home(lead, 500_000, "12 Alder Street")
    home(lead, 500_000, "14 Alder Street")
    ListingFactory(tenant=other_tenant, unparsed_address="16 Alder Street", listing_id="X1")

    several = agent_client.get(at("lead-why-not", lead.pk), {"home": "alder"}).content.decode()
    none = agent_client.get(at("lead-why-not", lead.pk), {"home": "X1"}).content.decode()

    assert "12 Alder Street" in several
    assert "14 Alder Street" in several
    assert "16 Alder Street" not in several
    assert "No listing here has “X1”" in none
    assert agent_client.get(at("lead-why-not", lead.pk)).status_code == 200


# Saved searches


def test_a_search_is_saved_changed_and_removed(lead: Lead, agent: User, agent_client: Client) -> None:
    looking(lead)

    agent_client.post(at("search-add", lead.pk), {"name": "Near work", "frequency": "instant"})

    search = SavedSearch.objects.get()
    assert (search.name, search.frequency, search.made_by) == ("Near work", "instant", agent)
    assert Event.objects.filter(kind=Kind.SEARCH_SAVED, lead=lead, actor_id=agent.pk).count() == 1
    seen = read(agent_client, lead)
    assert "Up to $600,000, best near $500,000, 4 or more bedrooms" in seen
    assert '<option value="instant" selected>At once</option>' in seen
    agent_client.post(at("search-change", lead.pk, search.pk), {"frequency": "weekly"})
    search.refresh_from_db()
    assert search.frequency == "weekly"
    agent_client.post(at("search-remove", lead.pk, search.pk))
    assert not SavedSearch.objects.exists()


def test_a_search_that_cannot_be_is_refused_in_words(lead: Lead, agent_client: Client) -> None:
    answers = [
        agent_client.post(at("search-add", lead.pk), {"name": "Any", "frequency": "daily"}),
    ]
    looking(lead)
    answers += [
        agent_client.post(at("search-add", lead.pk), {"name": "", "frequency": "daily"}),
        agent_client.post(at("search-add", lead.pk), {"name": "Any", "frequency": "hourly"}),
    ]

    assert [told(answer)[-1] for answer in answers] == [
        "Say at least one thing the home must have: else every home is told of.",
        "A saved search needs a name.",
        "Choose at once, daily, weekly or never.",
    ]
    assert not SavedSearch.objects.exists()


def test_a_search_of_another_lead_is_not_found_under_this_one(lead: Lead, agent_client: Client) -> None:
    other = factories.LeadFactory(tenant=lead.tenant)
    theirs = SavedSearch.objects.create(tenant=lead.tenant, lead=other, name="Theirs", wants={"beds_min": 3})

    assert agent_client.post(at("search-remove", lead.pk, theirs.pk)).status_code == 404
    assert SavedSearch.objects.exists()
