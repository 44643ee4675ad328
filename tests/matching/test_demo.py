from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from leads import demo as ground_demo
from leads.events import Kind
from leads.ghl import signatures
from leads.ghl.simulator.sender import deliver
from leads.models import Event, Lead, Tenant, WebhookDelivery
from matching import demo
from matching.models import (
    Criteria,
    Exposure,
    Listing,
    ListingPlaces,
    MarketSnapshot,
    Neighborhood,
    PriceChange,
    SavedSearch,
    School,
    StandardStatus,
    TransitStop,
)
from matching.selectors.fits import fits_of
from matching.selectors.homes import forget_homes
from matching.services import learn_from
from tests import ghl


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path) -> None:
    """Make the town small, its key its own, and the door open to it."""
    monkeypatch.setattr(ground_demo, "HARBOR", dataclasses.replace(ground_demo.HARBOR, leads=16, past=0))
    monkeypatch.setattr(ground_demo, "BROKERAGES", (ground_demo.HARBOR,))
    monkeypatch.setattr(demo, "ON_MARKET", 80)
    monkeypatch.setattr(demo, "SOLD", 120)
    settings.SIMULATOR_KEY_FILE = tmp_path / "simulator.pem"
    settings.DEMO = True
    ghl.open_door(settings)
    forget_homes()


@pytest.mark.django_db(transaction=True)
def test_buyers_of_the_drawn_town_look_at_its_homes_through_the_door(
    small: None, live_server: LiveServer, settings: Settings
) -> None:
    tenant = ground_demo.make_tenant(brokerage=ground_demo.HARBOR)
    said: list[str] = []
    for number, letter in ground_demo.introductions(
        tenant, ground_demo.people_of(ground_demo.HARBOR, tenant)
    ):
        deliver(
            [(number, letter)],
            url=live_server.url,
            key=signatures.make_simulator_key(settings.SIMULATOR_KEY_FILE),
        )
    ghl.work()
    assert Lead.objects.count() == 16

    demo.seed(say=said.append, url=live_server.url)
    ghl.work()
    posted = WebhookDelivery.objects.count()
    demo.seed(say=said.append, url="http://127.0.0.1:9")

    assert WebhookDelivery.objects.count() == posted
    assert Listing.objects.filter(tenant=tenant).exclude(standard_status=StandardStatus.CLOSED).count() == 80
    assert Listing.objects.filter(standard_status=StandardStatus.CLOSED).count() == 120
    assert (Neighborhood.objects.count(), School.objects.count(), TransitStop.objects.count()) == (6, 14, 72)
    assert ListingPlaces.objects.filter(walkability__isnull=False).count() >= 80
    assert PriceChange.objects.exists()
    assert MarketSnapshot.objects.filter(tenant=tenant).exists()
    criteria = Criteria.objects.filter(tenant=tenant)
    assert criteria.count() == SavedSearch.objects.count() > 8
    seen = Event.objects.filter(kind=Kind.LISTING_VIEWED, lead__isnull=False)
    keys = set(Listing.objects.values_list("listing_key", flat=True))
    assert {event.data["listing_key"] for event in seen} <= keys
    assert seen.count() > 20
    assert not Event.objects.filter(kind=Kind.LISTING_MATCHED).exists()  # a first load alerts nobody
    assert said[-1].endswith("webhooks tell what they did with homes")

    learn_from(event_ids=list(Event.objects.values_list("pk", flat=True)))
    one = criteria.exclude(learned={}).select_related("lead__tenant").first()
    assert one is not None
    found = fits_of(one.lead, now=tenant.created_at)
    assert found.wanted.belief is not None
    assert found.wanted.belief.signals > 0
    assert not Exposure.objects.exists()


@pytest.mark.django_db
def test_a_tenant_that_is_not_simulated_gets_no_town(tenant: Tenant) -> None:
    Tenant.objects.filter(pk=tenant.pk).update(location_id=ground_demo.HARBOR.location_id)

    demo.seed(say=lambda line: None, url="http://127.0.0.1:9")

    assert not Listing.objects.exists()
