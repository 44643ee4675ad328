"""Homes sent by a link, through the door."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from django.conf import settings
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from leads.events import Kind
from leads.models import Event, Lead, Tenant, User
from leads.services.merging import merge_leads
from matching.models import Listing, Media, SentListing
from matching.selectors.homes import forget_homes
from tests import factories
from tests.conftest import Freeze
from tests.matching.factories import FeedFactory, ListingFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_client")]

NOW = datetime(2026, 11, 20, 12, 10, tzinfo=UTC)
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1"


@pytest.fixture(autouse=True)
def _start(freeze: Freeze) -> None:
    freeze(NOW)
    forget_homes()


@pytest.fixture
def listing(lead: Lead) -> Listing:
    home: Listing = ListingFactory(
        tenant=lead.tenant,
        unparsed_address="12 Alder Street",
        public_remarks="Quiet home. 12 Alder Street has a porch.",
        private={"lock_box_serial_number": "LOCK-4711", "private_remarks": "Sellers divorce"},
        other={"BuyerBrokerageCompensation": "2.5%"},
        attribution_contact="206-555-0100",
        originating_system_name="Northwest MLS",
    )
    return home


def to(lead: Lead, listing: Listing) -> str:
    return reverse("matching:lead-home-send", args=[lead.pk, listing.pk])


def sent_to(lead: Lead, listing: Listing, by: User | None = None, note: str = "") -> SentListing:
    return SentListing.objects.create(
        tenant=lead.tenant, lead=lead, listing=listing, sent_by=by, note=note, sent_at=NOW
    )


def link(sent: SentListing) -> str:
    return reverse("sent-listing", args=[sent.token])


def visit(sent: SentListing, browser: Client | None = None, agent: str = PHONE) -> Any:
    return (browser or Client()).get(link(sent), headers={"User-Agent": agent})


def words(response: Any) -> str:
    return " ".join(response.content.decode().split())


def test_a_link_is_made_with_a_text_to_copy_and_is_told_in_the_timeline(
    lead: Lead, listing: Listing, agent: User, agent_client: Client
) -> None:
    lead.first_name, lead.email, lead.phone = "Maya", "maya@example.com", "+14155550140"
    lead.save()

    assert "The link opens a page of this home" in words(agent_client.get(to(lead, listing)))
    done = agent_client.post(to(lead, listing), {"note": "  It has  a porch. "})

    sent = SentListing.objects.get()
    assert (sent.lead, sent.listing, sent.sent_by, sent.note) == (lead, listing, agent, "It has a porch.")
    assert done["Location"] == reverse("matching:lead-sent", args=[lead.pk, sent.pk])
    seen = words(agent_client.get(done["Location"]))
    text = f"Hi Maya, It has a porch. 12 Alder Street, Harborview, $525,000 {settings.BASE_URL}{link(sent)}"
    assert text in seen
    assert "mailto:maya%40example.com?subject=12%20Alder%20Street" in seen
    assert link(sent) in unquote(seen)
    assert "sms:%2B14155550140?&amp;body=Hi%20Maya" in seen
    assert "Not opened yet." in seen
    event = Event.objects.get(kind=Kind.LISTING_SENT)
    assert (event.lead_id, event.actor_id) == (lead.pk, agent.pk)
    assert event.data == {
        "listing_key": listing.listing_key,
        "address": "12 Alder Street",
        "sent_listing_id": sent.pk,
    }
    assert "Sent to them before" in words(agent_client.get(to(lead, listing)))


def test_a_button_pressed_twice_makes_one_link(lead: Lead, listing: Listing, agent_client: Client) -> None:
    for _ in range(2):
        agent_client.post(to(lead, listing), {"note": "It has a porch."})

    assert SentListing.objects.count() == 1
    assert Event.objects.filter(kind=Kind.LISTING_SENT).count() == 1


def test_forbidden_words_make_no_link_and_the_rule_is_named(
    lead: Lead, listing: Listing, agent_client: Client
) -> None:
    answer = agent_client.post(to(lead, listing), {"note": "Perfect for families.", "reason": "I like it"})

    assert answer.status_code == 422
    assert "Fair housing forbids this wording" in words(answer)
    assert "Says for whom a home is. Instead: Say what the home has" in words(answer)
    assert not SentListing.objects.exists()


def test_words_that_come_close_need_a_reason_which_is_kept(
    lead: Lead, listing: Listing, agent_client: Client
) -> None:
    note = {"note": "Close to top rated schools."}

    answer = agent_client.post(to(lead, listing), note)
    assert answer.status_code == 422
    assert "Fair housing warns of this wording" in words(answer)
    assert "Why the wording is right here" in words(answer)
    assert not SentListing.objects.exists()
    agent_client.post(to(lead, listing), {**note, "reason": "They asked for the district by name"})

    data = Event.objects.get(kind=Kind.LISTING_SENT).data
    assert data["reason"] == "They asked for the district by name"
    assert data["terms"]


def test_who_refused_a_channel_is_offered_none(
    lead: Lead, listing: Listing, agent: User, agent_client: Client
) -> None:
    lead.email, lead.phone = "maya@example.com", "+14155550140"
    lead.consent = {"sms": {"state": "denied"}, "email": {"state": "granted"}}
    lead.save()

    seen = words(agent_client.get(reverse("matching:lead-sent", args=[lead.pk, sent_to(lead, listing).pk])))

    assert "mailto:" in seen
    assert "sms:" not in seen
    assert "refused text messages: no such message is offered." in seen


def test_a_home_that_may_not_be_shown_is_not_sent(lead: Lead, listing: Listing, agent_client: Client) -> None:
    Listing.objects.update(internet_entire_listing_display_yn=False)

    assert "may not be shown to clients" in words(agent_client.get(to(lead, listing)))
    answer = agent_client.post(to(lead, listing), {"note": ""})

    assert answer.status_code == 422
    assert [str(one) for one in get_messages(answer.wsgi_request)] == [
        "This home may not be shown to clients: its listing says so."
    ]
    assert not SentListing.objects.exists()


def test_a_link_of_another_lead_is_not_found_under_this_one(
    lead: Lead, listing: Listing, agent_client: Client
) -> None:
    sent = sent_to(factories.LeadFactory(tenant=lead.tenant), listing)

    assert agent_client.get(reverse("matching:lead-sent", args=[lead.pk, sent.pk])).status_code == 404


# Behind the link


def test_whoever_has_the_link_sees_the_home_without_what_is_private(
    lead: Lead, listing: Listing, agent: User
) -> None:
    seen = visit(sent_to(lead, listing, agent, "It has a porch."))

    assert seen.status_code == 200
    text = words(seen)
    assert "12 Alder Street, Harborview, WA 98001" in text
    assert "$525,000" in text
    assert "It has a porch." in text
    assert "Listed by Harbor Realty, 206-555-0100 · Source: Northwest MLS · Updated" in text
    for private in ("LOCK-4711", "divorce", "2.5%", lead.name, lead.email or "no e-mail"):
        assert private not in text
    assert seen["X-Robots-Tag"] == "noindex, nofollow"
    assert seen["Referrer-Policy"] == "no-referrer"
    assert "no-store" in seen["Cache-Control"]
    assert "Simulated data" not in text


def test_a_masked_address_stays_masked(
    lead: Lead, listing: Listing, agent: User, agent_client: Client
) -> None:
    Listing.objects.update(
        internet_address_display_yn=False, feed=FeedFactory(tenant=lead.tenant, disclaimer="Not verified.")
    )
    Tenant.objects.update(is_simulated=True)
    sent = sent_to(lead, listing, agent)

    text = words(visit(sent))
    ready = words(agent_client.get(reverse("matching:lead-sent", args=[lead.pk, sent.pk])))

    assert "Alder Street" not in text
    assert "Address withheld by the seller" in text
    assert "Not verified." in text
    assert "Simulated data" in text
    assert "Address withheld by the seller, Harborview, $525,000" in ready


def test_a_look_counts_as_the_leads_once_an_hour(
    lead: Lead, listing: Listing, agent: User, freeze: Freeze
) -> None:
    sent = sent_to(lead, listing, agent)

    visit(sent)
    visit(sent)
    freeze(NOW + timedelta(hours=1))
    visit(sent)

    events = Event.objects.filter(kind=Kind.LISTING_VIEWED).order_by("pk")
    assert [event.data for event in events] == [
        {"listing_key": listing.listing_key, "address": "12 Alder Street", "sent_listing_id": sent.pk}
    ] * 2
    assert {(event.lead_id, event.actor_id, event.source) for event in events} == {
        (lead.pk, None, Event.Source.PORTAL)
    }
    sent.refresh_from_db()
    assert (sent.opened, sent.opened_at) == (2, NOW)


def test_previews_and_the_team_do_not_count(
    lead: Lead, listing: Listing, agent: User, agent_client: Client
) -> None:
    sent = sent_to(lead, listing, agent)

    assert visit(sent, agent="WhatsApp/2.23.20").status_code == 200
    assert Client().head(link(sent), headers={"User-Agent": PHONE}).status_code == 200
    assert "Your look does not count." in words(visit(sent, agent_client))

    assert not Event.objects.filter(kind=Kind.LISTING_VIEWED).exists()
    sent.refresh_from_db()
    assert sent.opened == 0


def test_a_look_counts_for_the_lead_they_were_merged_into(lead: Lead, listing: Listing, broker: User) -> None:
    survivor = factories.LeadFactory(tenant=lead.tenant)
    sent = sent_to(lead, listing)
    merge_leads(survivor=survivor, absorbed=lead, by=broker, reason="the same person")

    assert visit(sent).status_code == 200

    assert Event.objects.get(kind=Kind.LISTING_VIEWED).lead_id == survivor.pk


def test_a_home_that_is_shown_no_more_is_gone_and_so_are_its_pictures(
    lead: Lead, listing: Listing, agent: User
) -> None:
    sent = sent_to(lead, listing, agent)
    Listing.objects.update(internet_entire_listing_display_yn=False)

    gone = visit(sent)

    assert gone.status_code == 410
    assert "Alder" not in words(gone)
    assert f"Ask {agent.name} of Hearth Realty about it." in words(gone)
    assert Client().get(reverse("sent-listing-picture", args=[sent.token])).status_code == 404
    assert not Event.objects.filter(kind=Kind.LISTING_VIEWED).exists()


def test_pictures_come_by_the_link_alone_and_only_those_for_clients(lead: Lead, listing: Listing) -> None:
    sent = sent_to(lead, listing)
    drawn = Client().get(reverse("sent-listing-picture", args=[sent.token]))
    assert drawn["Content-Type"] == "image/svg+xml"
    assert "A drawing: there is no photo of this home here yet." in words(visit(sent))

    for number, permission in enumerate([[], [], ["Private"]]):
        Media.objects.create(
            listing=listing,
            media_key=f"photo-{number}",
            content=b"picture",
            content_type="image/webp",
            order=number,
            permission=permission,
        )
    first, second, private = listing.media.order_by("order")

    def photo(row: Media) -> Any:
        return Client().get(reverse("sent-listing-photo", args=[sent.token, row.pk]))

    assert Client().get(reverse("sent-listing-picture", args=[sent.token])).content == b"picture"
    assert photo(second)["Content-Type"] == "image/webp"
    assert photo(private).status_code == 404
    text = words(visit(sent))
    assert reverse("sent-listing-photo", args=[sent.token, second.pk]) in text
    assert reverse("sent-listing-photo", args=[sent.token, first.pk]) not in text


def test_links_nobody_made_or_of_who_is_gone_open_nothing(lead: Lead, listing: Listing) -> None:
    sent = sent_to(lead, listing)
    assert Client().get(reverse("sent-listing", args=["x" * 32])).status_code == 404

    Lead.objects.filter(pk=lead.pk).update(status=Lead.Status.DELETED)
    assert visit(sent).status_code == 404
    Lead.objects.filter(pk=lead.pk).update(status=Lead.Status.ACTIVE)
    Tenant.objects.update(is_active=False)
    assert visit(sent).status_code == 404


def test_who_asks_for_too_many_pages_waits(lead: Lead, listing: Listing) -> None:
    sent = sent_to(lead, listing)
    answers = [visit(sent, agent="curl/8") for _ in range(61)]

    assert {answer.status_code for answer in answers[:60]} == {200}
    assert answers[60].status_code == 429
    assert int(answers[60]["Retry-After"]) >= 1


def test_the_page_behind_the_link_costs_little(lead: Lead, listing: Listing, agent: User) -> None:
    sent = sent_to(lead, listing, agent)

    with CaptureQueriesContext(connection) as captured:
        visit(sent, agent="curl/8")

    assert len(captured) == 2
