from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from leads.events import Kind
from leads.models import Event, Lead, Notification, Role, Tenant, User
from leads.services.events import record_event
from matching.models import Listing, Match, SavedSearch, StandardStatus
from matching.selectors.homes import forget_homes
from matching.services.criteria import save_search
from matching.services.reverse import find_buyers, searches_to_tell, tell_search
from matching.tasks import follow_listings
from tests import factories
from tests.matching.factories import ListingFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _forget() -> None:
    forget_homes()


@pytest.fixture
def home(tenant: Tenant) -> Listing:
    return ListingFactory(
        tenant=tenant, list_price=Decimal(480_000), unparsed_address="18 Alder Lane", city="Rivermouth"
    )


def search(lead: Lead, frequency: str = "instant", name: str = "Mine", **wants: Any) -> SavedSearch:
    told = wants or {"price_max": 500_000, "beds_min": 3}
    return save_search(
        lead=lead, name=name, told=told, frequency=frequency, by=None, now=timezone.now() - timedelta(days=1)
    )


def added(tenant: Tenant, *homes: Listing) -> Event:
    event = record_event(
        tenant=tenant, kind=Kind.LISTING_ADDED, data={"listing_ids": [home.pk for home in homes]}
    )
    assert event is not None
    return event


def changed(home: Listing, **change: Any) -> Event:
    event = record_event(
        tenant=home.tenant, kind=Kind.LISTING_CHANGED, data={"listings": [{"id": home.pk, **change}]}
    )
    assert event is not None
    return event


def saved(lead: Lead, home: Listing, kind: Kind = Kind.LISTING_SAVED) -> None:
    record_event(tenant=lead.tenant, lead=lead, kind=kind, data={"listing_key": home.listing_key})


def test_a_new_home_finds_the_searches_it_meets(lead: Lead, home: Listing) -> None:
    mine = search(lead)
    search(factories.LeadFactory(tenant=lead.tenant), price_max=450_000)
    search(factories.LeadFactory())

    assert find_buyers(event_id=added(lead.tenant, home).pk) == 1

    match = Match.objects.get()
    assert (match.lead_id, match.listing_id, match.saved_search_id) == (lead.pk, home.pk, mine.pk)
    assert match.why == Match.Why.NEW
    assert match.words.startswith("New on the market. Fits: ")
    assert "$480,000" in match.words
    event = Event.objects.get(kind=Kind.LISTING_MATCHED)
    assert (event.lead_id, event.data["listing_key"], event.data["why"]) == (lead.pk, home.listing_key, "new")


def test_an_event_told_again_matches_once(lead: Lead, home: Listing) -> None:
    search(lead)
    event = added(lead.tenant, home)

    assert [find_buyers(event_id=event.pk) for _ in range(2)] == [1, 0]
    assert Match.objects.count() == Event.objects.filter(kind=Kind.LISTING_MATCHED).count() == 1


def test_two_searches_of_one_lead_are_one_match_told_by_the_sooner(lead: Lead, home: Listing) -> None:
    search(lead, "weekly", "Slow")
    quick = search(lead, "instant", "Quick")

    assert find_buyers(event_id=added(lead.tenant, home).pk) == 1
    assert Match.objects.get().saved_search == quick


def test_a_changed_or_removed_search_counts_at_once(lead: Lead, home: Listing) -> None:
    mine = search(lead, price_max=450_000)
    assert find_buyers(event_id=added(lead.tenant, home).pk) == 0

    save_search(
        lead=lead,
        name="Mine",
        told={"price_max": 490_000},
        frequency="instant",
        by=None,
        now=timezone.now(),
        search=mine,
    )
    assert find_buyers(event_id=added(lead.tenant, home).pk) == 1

    mine.delete()
    assert find_buyers(event_id=added(lead.tenant, home).pk) == 0


@pytest.mark.parametrize(
    ("change", "why", "words"),
    [
        ({"price": [500_000, 480_000]}, "price", "Price cut from $500,000 to $480,000."),
        ({"status": ["Pending", "Active"]}, "back", "Back on the market."),
        ({"status": ["Coming Soon", "Active"]}, "new", "New on the market."),
        ({"price": [None, 480_000]}, "changed", "Changed now at $480,000."),
    ],
)
def test_what_changed_is_told_as_it_was(
    lead: Lead, home: Listing, change: dict[str, Any], why: str, words: str
) -> None:
    search(lead)

    assert find_buyers(event_id=changed(home, **change).pk) == 1

    match = Match.objects.get()
    assert match.why == why
    assert match.words.startswith(words)


@pytest.mark.parametrize(
    "change", [{"price": [450_000, 480_000]}, {"status": ["Active", "Active Under Contract"]}, {}]
)
def test_what_helps_no_buyer_tells_nobody(lead: Lead, home: Listing, change: dict[str, Any]) -> None:
    search(lead)

    assert find_buyers(event_id=changed(home, **change).pk) == 0


@pytest.mark.parametrize(
    "hidden",
    [
        {"standard_status": StandardStatus.PENDING},
        {"standard_status": StandardStatus.DELETE},
        {"internet_entire_listing_display_yn": False},
    ],
)
def test_what_cannot_be_shown_or_bought_finds_nobody(
    lead: Lead, home: Listing, hidden: dict[str, Any]
) -> None:
    search(lead)
    event = changed(home, price=[500_000, 480_000])
    Listing.objects.filter(pk=home.pk).update(**hidden)

    assert find_buyers(event_id=event.pk) == 0


def test_who_saved_a_home_hears_of_its_price_without_a_search(lead: Lead, home: Listing) -> None:
    other = factories.LeadFactory(tenant=lead.tenant)
    for who in (lead, other):
        saved(who, home)
    saved(other, home, Kind.LISTING_UNSAVED)

    assert find_buyers(event_id=changed(home, price=[500_000, 480_000]).pk) == 1

    match = Match.objects.get()
    assert (match.lead_id, match.saved_search, match.words) == (
        lead.pk,
        None,
        "Price cut from $500,000 to $480,000.",
    )
    assert find_buyers(event_id=added(lead.tenant, home).pk) == 0


def test_the_agent_is_told_once_a_home_and_the_buyer_in_their_portal(
    tenant: Tenant, agent: User, home: Listing
) -> None:
    leads = [factories.LeadFactory(tenant=tenant, assigned_to=agent) for _ in range(3)]
    buyer = factories.MembershipFactory(tenant=tenant, role=Role.BUYER, lead=leads[0]).user
    for lead in leads:
        search(lead)

    find_buyers(event_id=added(tenant, home).pk)

    told = {(row.user_id, row.text, row.url) for row in Notification.objects.all()}
    assert told == {
        (
            agent.pk,
            "18 Alder Lane (new on the market) fits 3 of your buyers",
            f"/agent/listings/{home.pk}/buyers/",
        ),
        (buyer.pk, "18 Alder Lane: new on the market", ""),
    }


def test_a_masked_address_is_not_told_to_the_buyer(tenant: Tenant, home: Listing) -> None:
    lead = factories.LeadFactory(tenant=tenant, assigned_to=None)
    factories.MembershipFactory(tenant=tenant, role=Role.BUYER, lead=lead)
    Listing.objects.filter(pk=home.pk).update(internet_address_display_yn=False)
    search(lead)

    find_buyers(event_id=added(tenant, home).pk)

    assert Notification.objects.get().text == "A home in Rivermouth: new on the market"


def test_daily_and_weekly_searches_are_told_together_and_once(tenant: Tenant, agent: User) -> None:
    lead = factories.LeadFactory(tenant=tenant, assigned_to=agent)
    daily = search(lead, "daily")
    homes = [ListingFactory(tenant=tenant, list_price=Decimal(480_000)) for _ in range(2)]
    find_buyers(event_id=added(tenant, *homes).pk)
    assert not Notification.objects.exists()
    now = timezone.now()
    assert searches_to_tell(now=now) == [daily.pk]

    assert tell_search(search_id=daily.pk, now=now) == 2
    assert tell_search(search_id=daily.pk, now=now) == 0

    told = Notification.objects.get()
    assert (told.user_id, told.text) == (agent.pk, "2 homes found by a saved search of a buyer of yours")
    assert Match.objects.filter(told_at=now).count() == 2
    find_buyers(event_id=added(tenant, ListingFactory(tenant=tenant, list_price=Decimal(490_000))).pk)
    daily.refresh_from_db()
    assert daily.due_at == now + timedelta(days=1)
    assert searches_to_tell(now=now) == []


def test_a_first_load_alerts_nobody(
    lead: Lead, home: Listing, django_capture_on_commit_callbacks: Any
) -> None:
    search(lead)
    quiet, told = added(lead.tenant, home), added(lead.tenant, home)
    Event.objects.filter(pk=quiet.pk).update(is_backfill=True)

    with django_capture_on_commit_callbacks(execute=True):
        follow_listings([quiet.pk, told.pk])

    assert Match.objects.get().change_key == f"event:{told.pk}"
