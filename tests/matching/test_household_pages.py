"""Two who look together, through the door."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from leads.models import Lead
from matching.models import Household
from matching.selectors.homes import forget_homes
from matching.services.criteria import keep_criteria, look_together
from tests import factories
from tests.conftest import Freeze
from tests.matching.factories import ListingFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _start(freeze: Freeze) -> None:
    freeze(NOW)
    forget_homes()


@pytest.fixture
def partner(lead: Lead) -> Lead:
    Lead.objects.filter(pk=lead.pk).update(first_name="Maya", last_name="Okafor")
    lead.refresh_from_db()
    other: Lead = factories.LeadFactory(tenant=lead.tenant, first_name="Daniel", last_name="Okafor")
    return other


def at(name: str, lead: Lead) -> str:
    return reverse(f"matching:{name}", args=[lead.pk])


def read(browser: Client, url: str, **asked: str) -> str:
    response = browser.get(url, asked)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def looking(lead: Lead, **wants: Any) -> None:
    keep_criteria(lead=lead, told=wants, by=None, now=NOW)


def test_whom_a_lead_looks_with_is_searched_for_and_chosen(
    lead: Lead, partner: Lead, agent_client: Client
) -> None:
    alone = read(agent_client, at("household", lead))
    assert "With whom does Maya Okafor look?" in alone
    found = read(agent_client, at("household", lead), q="okafor")
    assert f'name="other" value="{partner.pk}"' in found
    assert f'name="other" value="{lead.pk}"' not in found
    assert "No other lead is called “nobody”." in read(agent_client, at("household", lead), q="nobody")

    done = agent_client.post(at("household-join", lead), {"other": partner.pk})

    assert told(done) == ["Maya Okafor and Daniel Okafor look together, each with their own wants."]
    assert set(Household.objects.get().criteria.values_list("lead", flat=True)) == {lead.pk, partner.pk}
    assert "Homes for both" in read(agent_client, at("lead-panel", lead))


def test_homes_for_both_stand_with_points_for_each_and_where_they_disagree(
    lead: Lead, partner: Lead, agent_client: Client
) -> None:
    ListingFactory(
        tenant=lead.tenant, list_price=Decimal(590_000), bedrooms_total=4, unparsed_address="12 Alder Street"
    )
    ListingFactory(
        tenant=lead.tenant, list_price=Decimal(450_000), bedrooms_total=2, unparsed_address="9 Birch Road"
    )
    ListingFactory(tenant=lead.tenant, list_price=Decimal(900_000), unparsed_address="1 Crest Lane")
    looking(lead, price_target=450_000, price_max=600_000, importance={"price": "must"})
    looking(partner, beds_min=4, price_max=700_000, importance={"beds": 5, "price": "must"})
    look_together(lead=lead, other=partner, now=NOW)

    seen = read(agent_client, at("household", lead))

    assert "12 Alder Street" in seen
    assert "9 Birch Road" in seen
    assert "1 Crest Lane" not in seen
    assert "2 homes break no must of either." in seen
    assert "Bedrooms" in seen[seen.index("Where they disagree") :]
    assert "Up to $700,000, 4 or more bedrooms" in seen
    assert seen.count("and ") >= 2


def test_who_agrees_on_no_home_is_told_so(lead: Lead, partner: Lead, agent_client: Client) -> None:
    ListingFactory(tenant=lead.tenant, list_price=Decimal(590_000))
    looking(lead, price_max=500_000, importance={"price": "must"})
    look_together(lead=lead, other=partner, now=NOW)

    assert "No home keeps the musts of both" in read(agent_client, at("household", lead))


def test_they_part_again(lead: Lead, partner: Lead, agent_client: Client) -> None:
    look_together(lead=lead, other=partner, now=NOW)

    agent_client.post(at("household-leave", lead))

    assert not Household.objects.exists()
    assert "looks alone" in read(agent_client, at("lead-panel", lead))


def test_nobody_looks_with_a_stranger_or_with_themselves(
    lead: Lead, other_lead: Lead, agent_client: Client
) -> None:
    url = at("household-join", lead)

    assert agent_client.post(url, {"other": other_lead.pk}).status_code == 404
    assert agent_client.post(url, {"other": "9" * 30}).status_code == 404
    assert agent_client.post(url, {}).status_code == 404
    assert told(agent_client.post(url, {"other": lead.pk})) == ["Choose another lead of this brokerage."]
    assert not Household.objects.exists()
