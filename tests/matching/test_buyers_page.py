from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from leads.models import Lead, Tenant
from matching.models import Listing, StandardStatus
from matching.selectors.homes import forget_homes
from matching.services.criteria import keep_criteria
from tests import factories
from tests.matching.factories import ListingFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _forget() -> None:
    forget_homes()


def looking(lead: Lead, **wants: Any) -> None:
    told = {"price_target": 500_000, "price_max": 600_000, "importance": {"price": "must"}, **wants}
    keep_criteria(lead=lead, told=told, by=None, now=NOW)


def page(client: Client, listing: Listing) -> Any:
    return client.get(reverse("matching:listing-buyers", args=[listing.pk]))


def test_buyers_stand_in_the_order_in_which_the_home_suits_them(agent_client: Client, tenant: Tenant) -> None:
    home = ListingFactory(tenant=tenant, list_price=Decimal(550_000), unparsed_address="18 Alder Lane")
    good = factories.LeadFactory(tenant=tenant, first_name="Ada", last_name="Wells")
    fair = factories.LeadFactory(tenant=tenant, first_name="Bo", last_name="Marsh")
    out = factories.LeadFactory(tenant=tenant, first_name="Cy", last_name="North")
    looking(good, price_target=560_000)
    looking(fair)
    looking(out, price_max=520_000)

    response = page(agent_client, home)

    text = response.content.decode()
    assert [one.lead.name for one in response.context["buyers"]] == ["Ada Wells", "Bo Marsh"]
    assert "Buyers for 18 Alder Lane" in text
    assert "Of 3 leads who look for a home" in text
    assert "Cy North" not in text
    assert "$550,000" in text


def test_the_page_says_why_nobody_is_there(agent_client: Client, tenant: Tenant, lead: Lead) -> None:
    home = ListingFactory(tenant=tenant, list_price=Decimal(700_000))
    assert "Nobody looks for a home yet" in page(agent_client, home).content.decode()

    looking(lead)
    assert "No buyer fits" in page(agent_client, home).content.decode()

    Listing.objects.filter(pk=home.pk).update(standard_status=StandardStatus.PENDING)
    assert "It is not on the market" in page(agent_client, home).content.decode()


def test_a_home_of_another_tenant_or_a_deleted_one_is_not_there(
    agent_client: Client, tenant: Tenant, other_tenant: Tenant
) -> None:
    theirs = ListingFactory(tenant=other_tenant)
    gone = ListingFactory(tenant=tenant, standard_status=StandardStatus.DELETE)

    assert page(agent_client, theirs).status_code == 404
    assert page(agent_client, gone).status_code == 404
