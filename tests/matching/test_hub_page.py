"""Where matching begins, through the door."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from leads.models import Lead, Tenant
from matching.models import SavedSearch, SentListing
from matching.selectors.homes import forget_homes
from matching.services.criteria import keep_criteria
from tests import factories
from tests.matching.factories import ListingFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _forget() -> None:
    forget_homes()


def read(browser: Client, **asked: str) -> str:
    response = browser.get(reverse("matching:hub"), asked)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_without_anything_the_page_says_what_will_come(agent_client: Client) -> None:
    seen = read(agent_client)

    assert "Nobody said yet what they look for" in seen
    assert "No home for sale yet" in seen
    assert 'data-keys="g m"' in seen


def test_who_looks_is_counted_and_told_the_latest_first(
    lead: Lead, other_lead: Lead, agent_client: Client
) -> None:
    second: Lead = factories.LeadFactory(tenant=lead.tenant)
    for number, each in enumerate([lead, second, other_lead]):
        keep_criteria(lead=each, told={"beds_min": 3 + number}, by=None, now=NOW.replace(hour=number))
    home = ListingFactory(tenant=lead.tenant)
    for name, frequency in (("Near work", "daily"), ("Quiet", "off")):
        SavedSearch.objects.create(
            tenant=lead.tenant, lead=lead, name=name, wants={"beds_min": 3}, frequency=frequency
        )
    SentListing.objects.create(tenant=lead.tenant, lead=lead, listing=home, opened=1)

    seen = read(agent_client)

    assert seen.index("4 or more bedrooms") < seen.index("3 or more bedrooms")
    assert "5 or more bedrooms" not in seen
    figures = [part.split("<")[0].strip() for part in seen.split('tracking-[-.02em] whitespace-nowrap">')[1:]]
    assert figures == ["2", "1", "1", "1"]
    assert "1 opened" in seen


def test_a_lead_is_found_by_name(lead: Lead, other_lead: Lead, agent_client: Client) -> None:
    Lead.objects.update(first_name="Maya")
    assumed = factories.LeadFactory(tenant=lead.tenant, first_name="Maya", profile={"budget": 500_000})
    keep_criteria(lead=lead, told={"beds_min": 3}, by=None, now=NOW)

    seen = read(agent_client, lead="maya")

    assert reverse("matching:lead-panel", args=[lead.pk]) in seen
    assert reverse("matching:lead-panel", args=[assumed.pk]) in seen
    assert reverse("matching:lead-panel", args=[other_lead.pk]) not in seen
    assert "As the CRM tells; nobody entered criteria" in seen
    assert "No lead is called “zzz”." in read(agent_client, lead="zzz")


def test_a_home_is_found_by_number_or_address(
    tenant: Tenant, other_tenant: Tenant, agent_client: Client
) -> None:
    ours = ListingFactory(tenant=tenant, unparsed_address="12 Alder Street", listing_id="NWM-1")
    theirs = ListingFactory(tenant=other_tenant, unparsed_address="12 Alder Street", listing_id="NWM-1")

    for text in ("nwm-1", "MLS NWM-1", "alder 12", "12 Alder Street Harborview"):
        seen = read(agent_client, home=text)
        assert reverse("matching:listing-buyers", args=[ours.pk]) in seen
        assert reverse("matching:listing-buyers", args=[theirs.pk]) not in seen
    assert "No listing here has “Birch”" in read(agent_client, home="Birch")


def test_a_lead_who_is_not_among_the_buyers_is_found_beside_them(lead: Lead, agent_client: Client) -> None:
    Lead.objects.filter(pk=lead.pk).update(first_name="Maya")
    home = ListingFactory(tenant=lead.tenant)
    url = reverse("matching:listing-buyers", args=[home.pk])

    found = agent_client.get(url, {"lead": "maya"}).content.decode()

    assert reverse("matching:lead-home", args=[lead.pk, home.pk]) in found
    assert "No lead is called “zzz”." in agent_client.get(url, {"lead": "zzz"}).content.decode()


def test_the_page_costs_the_same_however_many_look(tenant: Tenant, agent_client: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            read(agent_client)
        return len(captured)

    read(agent_client)
    few = queries()
    for lead in factories.LeadFactory.create_batch(5, tenant=tenant):
        keep_criteria(lead=lead, told={"beds_min": 3}, by=None, now=NOW)

    assert queries() == few
