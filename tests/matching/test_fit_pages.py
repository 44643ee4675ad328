"""The homes that fit a lead, through the door."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from leads.events import Kind
from leads.models import Event, Lead, Tenant, User
from leads.services.events import record_event
from matching.models import Exposure, Listing, Ranking, StandardStatus, Surface
from matching.selectors.homes import forget_homes
from matching.services.criteria import keep_criteria
from tests.conftest import Freeze
from tests.matching.factories import ListingFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WANTS: dict[str, Any] = {
    "price_target": 500_000,
    "price_max": 600_000,
    "beds_min": 3,
    "importance": {"price": "must"},
}
PARTIAL = {"HX-Request": "true", "HX-Current-URL": "http://testserver/agent/leads/1/"}


@pytest.fixture(autouse=True)
def _start(freeze: Freeze) -> None:
    freeze(NOW)
    forget_homes()


def looking(lead: Lead, **wants: Any) -> None:
    keep_criteria(lead=lead, told={**WANTS, **wants}, by=None, now=NOW)


def home(lead: Lead, price: int, address: str = "", **facts: Any) -> Listing:
    named = {"unparsed_address": address} if address else {}
    listing: Listing = ListingFactory(tenant=lead.tenant, list_price=Decimal(price), **named, **facts)
    return listing


def did(lead: Lead, kind: Kind, listing: Listing) -> None:
    data = {"listing_key": listing.listing_key}
    record_event(tenant=lead.tenant, lead=lead, kind=kind, occurred_at=NOW - timedelta(days=1), data=data)


def panel(lead: Lead) -> str:
    return reverse("matching:lead-panel", args=[lead.pk])


def of_home(lead: Lead, listing: Listing, name: str = "lead-home") -> str:
    return reverse(f"matching:{name}", args=[lead.pk, listing.pk])


def read(browser: Client, url: str, **headers: Any) -> str:
    response = browser.get(url, **headers)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_homes_stand_best_first_with_what_speaks_for_and_against_them(
    lead: Lead, agent_client: Client
) -> None:
    best = home(lead, 480_000, "12 Alder Street")
    home(lead, 590_000, "9 Birch Road")
    home(lead, 700_000, "1 Crest Lane")
    looking(lead)

    seen = read(agent_client, panel(lead))

    assert seen.index("12 Alder Street") < seen.index("9 Birch Road")
    assert "1 Crest Lane" not in seen
    assert '<b class="font-semibold text-ink">up to $600,000, best near $500,000</b>' in seen
    assert "3 or more bedrooms" in seen
    assert "2 of 3 for sale keep every must" in seen
    assert "$480,000, within your target of $500,000" in seen
    assert "$590,000, between your target of $500,000 and your limit of $600,000" in seen
    assert of_home(lead, best) in seen


def test_the_lead_page_holds_the_panel_by_its_address(lead: Lead, agent_client: Client) -> None:
    for number in range(6):
        home(lead, 480_000 + 1000 * number)
    looking(lead)

    assert f'hx-get="{panel(lead)}"' in read(agent_client, reverse("leads:lead-detail", args=[lead.pk]))
    part = read(agent_client, panel(lead), headers=PARTIAL)

    assert "<html" not in part
    assert part.count("All 15 factors") == 4
    assert '<input type="hidden" name="next" value="/agent/leads/1/">' in part


def test_without_criteria_the_page_says_where_they_are_from(lead: Lead, agent_client: Client) -> None:
    home(lead, 480_000)
    assert "Neither the CRM nor anybody here says what they look for" in read(agent_client, panel(lead))

    lead.profile = {"budget": 500_000}
    lead.save(update_fields=["profile"])
    seen = read(agent_client, panel(lead))

    assert "up to $500,000" in seen
    assert "Taken from the answers in the CRM; nobody entered criteria." in seen


def test_a_page_without_homes_says_why(lead: Lead, agent_client: Client) -> None:
    looking(lead)
    assert "No home for sale yet" in read(agent_client, panel(lead))

    dear = home(lead, 700_000)
    assert "No home keeps every must" in read(agent_client, panel(lead))

    Listing.objects.filter(pk=dear.pk).update(list_price=500_000, updated_at=NOW + timedelta(seconds=1))
    did(lead, Kind.LISTING_DISMISSED, dear)
    assert "They ruled out all that fit" in read(agent_client, panel(lead))


def test_each_home_is_held_against_the_best_one_they_saved(lead: Lead, agent_client: Client) -> None:
    saved = home(lead, 550_000, "9 Birch Road")
    home(lead, 480_000, "12 Alder Street")
    looking(lead)
    did(lead, Kind.LISTING_SAVED, saved)

    seen = read(agent_client, panel(lead))

    assert seen.count("Best they saved") == 1
    assert re.search(
        r"Beside 9 Birch Road, which they saved: \+[\d.]+ points, more for price \(\+[\d.]+\)", seen
    )


def test_what_was_shown_is_kept_once_a_day_for_the_audit(lead: Lead, agent_client: Client) -> None:
    first, second = home(lead, 480_000), home(lead, 560_000, postal_code="98002")
    home(lead, 700_000)
    looking(lead)

    read(agent_client, panel(lead))
    read(agent_client, panel(lead))

    ranking = Ranking.objects.get()
    assert (ranking.surface, ranking.shown, ranking.version) == (Surface.PANEL, 2, "match-1/1.0")
    assert ranking.eligible == {"postal_code": {"98001": 1, "98002": 1}, "neighborhood": {}}
    assert [row.listing_id for row in Exposure.objects.order_by("rank")] == [first.pk, second.pk]


def test_points_of_all_factors_add_up_as_they_are_shown(lead: Lead, agent_client: Client) -> None:
    listing = home(
        lead,
        571_000,
        "12 Alder Street",
        bedrooms_total=2,
        public_remarks="Quiet",
        private={"LockBox": "4711"},
    )
    looking(lead, baths_min=3, sqft_min=2000, monthly_max=3000)

    seen = read(agent_client, of_home(lead, listing))

    points = [float(one) for one in re.findall(r'<td class="num text-right font-medium">([\d.]+)</td>', seen)]
    (total,) = re.findall(r'<td class="num text-right font-semibold">([\d.]+)</td>', seen)
    assert len(points) == 15
    assert sum(round(10 * one) for one in points) == round(10 * float(total))
    assert "2 bedrooms, 1 fewer than you ask for" in seen
    assert seen.count("Counts nothing until the buyer asks") == 2
    assert "Not stated: counts half" in seen  # monthly cost
    assert "4711" not in seen


def test_a_home_out_of_the_list_says_what_keeps_it_out(lead: Lead, agent_client: Client) -> None:
    sold = home(lead, 700_000, standard_status=StandardStatus.CLOSED)
    looking(lead)

    seen = read(agent_client, of_home(lead, sold))

    assert "Not in their list: its status is Closed; $700,000, $100,000 above your limit of $600,000." in seen


def test_a_home_nothing_counts_for_stands_in_the_middle(lead: Lead, agent_client: Client) -> None:
    keep_criteria(
        lead=lead, told={"importance": {"walkability": "ignore", "market": "ignore"}}, by=None, now=NOW
    )
    listing = home(lead, 480_000)

    assert "Nothing counts yet, so every home stands at 50." in read(agent_client, of_home(lead, listing))


def test_what_a_lead_ruled_out_is_kept_as_their_word_told_to_the_agent(
    lead: Lead, agent: User, agent_client: Client
) -> None:
    listing = home(lead, 480_000, "12 Alder Street")
    looking(lead)

    done = agent_client.post(of_home(lead, listing, "lead-home-rule-out"), {"reason": "price"})

    assert done["Location"] == panel(lead)
    assert told(done) == ["Kept as the lead's word. The home is not shown for them any more."]
    event = Event.objects.get(kind=Kind.LISTING_DISMISSED)
    assert (event.lead_id, event.actor_id) == (lead.pk, agent.pk)
    assert event.data == {
        "listing_key": listing.listing_key,
        "address": "12 Alder Street",
        "reason": "price",
        "words": "12 Alder Street: price, as told to the agent",
        "told_to_agent": True,
    }
    assert "1 ruled out" in read(agent_client, panel(lead))


def test_a_reason_there_is_none_of_is_refused_and_nothing_is_kept(lead: Lead, agent_client: Client) -> None:
    url = of_home(lead, home(lead, 480_000), "lead-home-rule-out")
    back = reverse("leads:lead-detail", args=[lead.pk])

    done = agent_client.post(url, {"reason": "neighbors", "next": back})

    assert (done["Location"], told(done)) == (back, ["Choose one of the reasons, or none."])
    assert not Event.objects.filter(kind=Kind.LISTING_DISMISSED).exists()


def test_a_home_of_another_tenant_is_none_of_ours(
    lead: Lead, other_tenant: Tenant, agent_client: Client
) -> None:
    theirs = ListingFactory(tenant=other_tenant)

    assert agent_client.get(of_home(lead, theirs)).status_code == 404
    assert agent_client.post(of_home(lead, theirs, "lead-home-rule-out")).status_code == 404


def test_the_list_costs_the_same_however_many_homes_there_are(lead: Lead, agent_client: Client) -> None:
    def queries() -> int:
        read(agent_client, panel(lead))
        with CaptureQueriesContext(connection) as captured:
            read(agent_client, panel(lead))
        return len(captured)

    looking(lead)
    did(lead, Kind.LISTING_SAVED, home(lead, 480_000))
    few = queries()
    for number in range(15):
        home(lead, 490_000 + 1000 * number)
    forget_homes()

    assert queries() == few
    assert few < 30
