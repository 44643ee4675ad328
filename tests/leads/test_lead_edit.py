"""The page that edits a lead."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.http import HttpResponse
from django.test import Client
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks, Settings

from leads.events import Kind
from leads.models import ContactEdit, CustomField, Event, Lead, Tenant, User
from leads.segments import SegmentFacts, segment_of
from tests.conftest import Freeze
from tests.factories import (
    CustomFieldFactory,
    GHLConnectionFactory,
    IdentityFactory,
    MembershipFactory,
)
from tests.ghl_api import StubGHL, ok, sent_json, stand_in
from tests.people import make_maya

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_client")]

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def maya(tenant: Tenant, agent: User) -> Lead:
    return make_maya(
        tenant,
        agent,
        tags=["open-house", "buyer"],
        profile={"budget": 580000.0, "timeline": "when the lease ends"},
    )


def page_of(lead: Lead) -> str:
    return f"/agent/leads/{lead.pk}/edit/"


def shown(client: Client, lead: Lead) -> dict[str, Any]:
    """Return what the form holds as a browser would send it."""
    form = client.get(page_of(lead)).context["form"]
    held: dict[str, Any] = {}
    for field in form:
        value = field.value()
        if value not in (None, "", []):
            held[field.name] = value
    return held


def save(client: Client, lead: Lead, **typed: Any) -> HttpResponse:
    response: Any = client.post(page_of(lead), {**shown(client, lead), **typed})
    return response  # type: ignore[no-any-return]


def said(response: Any) -> list[str]:
    return [str(note) for note in get_messages(response.wsgi_request)]


def text_of(response: Any) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())))


def told() -> dict[str, Any]:
    return {event.kind: event.data for event in Event.objects.all()}


# What it shows


def test_the_form_holds_what_is_known(agent_client: Client, agent: User, maya: Lead) -> None:
    CustomFieldFactory(tenant=maya.tenant, key="hearthline_score", name="Hearthline score")
    form = agent_client.get(page_of(maya)).context["form"]

    held = {name: value for name, value in shown(agent_client, maya).items() if name != "edition"}

    assert held == {
        "first_name": "Maya",
        "last_name": "Okafor",
        "email": "maya@example.net",
        "phone": "+14155550142",
        "city": "Oakland",
        "assigned_to": str(agent.pk),
        "tags": "open-house, buyer",
        "budget": "580,000",
        "timeline": "when the lease ends",
    }
    assert [field.label for field in form.wants()] == [
        "Budget",
        "Timeline",
        "Financing",
        "Where they want to live",
        "Kind of home",
        "Why they move",
        "Condition of the home",
    ]


def test_a_custom_field_that_answers_takes_the_answers_place(agent_client: Client, maya: Lead) -> None:
    CustomFieldFactory(tenant=maya.tenant, key="price", name="Price", data_type="MONETORY", answers="budget")

    form = agent_client.get(page_of(maya)).context["form"]

    assert [field.label for field in form.wants()][-1] == "Price"
    assert "budget" not in form.fields


def test_the_page_asks_little(
    agent_client: Client, maya: Lead, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    CustomFieldFactory.create_batch(20, tenant=maya.tenant)
    MembershipFactory.create_batch(5, tenant=maya.tenant)

    with django_assert_num_queries(8):
        agent_client.get(page_of(maya))


def test_saving_asks_little(
    agent_client: Client, maya: Lead, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    typed = {**shown(agent_client, maya), "city": "Berkeley"}

    with django_assert_num_queries(19):
        agent_client.post(page_of(maya), typed)


# Saving


def test_what_was_typed_is_read_as_people_type(
    agent_client: Client, agent: User, broker: User, maya: Lead
) -> None:
    response = save(
        agent_client,
        maya,
        first_name=" Amaya ",
        email="Amaya@Example.NET",
        phone="(415) 555-0199",
        company="Acme",
        address="1 Elm Street",
        country="us",
        tags="buyer, vip,, vip ",
        segment="investor",
        assigned_to=str(broker.pk),
        budget="$610k",
        timeline="0-3 months",
        consent_SMS="denied",
    )

    assert (response.status_code, response.headers["Location"]) == (302, f"/agent/leads/{maya.pk}/")
    assert said(response) == ["Saved."]
    maya.refresh_from_db()
    assert (maya.first_name, maya.last_name, maya.company) == ("Amaya", "Okafor", "Acme")
    assert (maya.email, maya.phone) == ("amaya@example.net", "+14155550199")
    assert (maya.address, maya.city, maya.country) == ("1 Elm Street", "Oakland", "US")
    assert (maya.tags, maya.segment, maya.assigned_to) == (["buyer", "vip"], "investor", broker)
    assert maya.profile == {"budget": 610000.0, "timeline": "0-3 months", "segment": "investor"}
    assert (maya.consent["SMS"]["state"], maya.consent["SMS"]["source"]) == ("denied", "portal")
    assert {(i.kind, i.value, i.is_primary) for i in maya.identities.all()} == {
        ("email", "maya@example.net", False),
        ("email", "amaya@example.net", True),
        ("phone", "+14155550142", False),
        ("phone", "+14155550199", True),
    }
    assert told() == {
        Kind.CONTACT_UPDATED: {
            "fields": [
                "first_name",
                "company",
                "address",
                "email",
                "phone",
                "country",
                "segment",
                "profile.budget",
                "profile.timeline",
            ],
            "custom": {"profile.budget": "610000", "profile.timeline": "0-3 months"},
        },
        Kind.CONTACT_TAGGED: {"tags": ["vip"]},
        Kind.CONTACT_UNTAGGED: {"tags": ["open-house"]},
        Kind.CONSENT_CHANGED: {"channels": {"SMS": "denied"}},
        Kind.LEAD_ASSIGNED: {"user_id": broker.pk, "by": "person"},
    }
    assert set(Event.objects.values_list("actor_id", "source")) == {(agent.pk, "portal")}


def test_nothing_changed_tells_nothing(agent_client: Client, maya: Lead) -> None:
    before = Lead.objects.get(pk=maya.pk).updated_at

    response = save(agent_client, maya)

    assert (response.status_code, said(response)) == (302, ["Nothing was changed."])
    assert Lead.objects.get(pk=maya.pk).updated_at == before
    assert not Event.objects.exists()


def test_a_note_without_a_consent_changes_nothing(agent_client: Client, maya: Lead) -> None:
    response = save(agent_client, maya, consent_note="Signed at the open house")

    assert (response.status_code, said(response)) == (302, ["Nothing was changed."])
    assert not Event.objects.exists()


def test_a_tag_with_a_comma_stays_whole(agent_client: Client, maya: Lead) -> None:
    Lead.objects.filter(pk=maya.pk).update(tags=["buyer", "Bend, OR"])

    save(agent_client, maya, tags="buyer, Bend, OR, vip")

    assert Lead.objects.get(pk=maya.pk).tags == ["Bend, OR", "buyer", "vip"]
    assert told() == {Kind.CONTACT_TAGGED: {"tags": ["vip"]}}
    save(agent_client, maya, tags="buyer, vip")
    assert Lead.objects.get(pk=maya.pk).tags == ["buyer", "vip"]


def test_what_is_emptied_is_cleared(agent_client: Client, maya: Lead) -> None:
    save(agent_client, maya, city="", phone="", tags="", budget="", timeline="", assigned_to="")

    maya.refresh_from_db()
    assert (maya.city, maya.phone, maya.tags, maya.profile, maya.assigned_to) == ("", "", [], {}, None)
    assert list(maya.identities.values_list("kind", flat=True)) == ["email"]


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"email": "maya"}, "email", "An e-mail address has one @"),
        ({"phone": "12"}, "phone", "This phone number has too few digits."),
        ({"country": "USA"}, "country", "Write the country as its two letters, such as US."),
        ({"time_zone": "Mars"}, "time_zone", "Write the time zone by its name"),
        ({"budget": "a lot"}, "budget", ""),
        ({"segment": "spy"}, "segment", "Select a valid choice."),
        ({"assigned_to": "99999"}, "assigned_to", "Select a valid choice."),
        ({"tags": ",".join(f"t{n}" for n in range(51))}, "tags", "A lead has at most 50 tags."),
        ({"location": "x" * 201}, "location", "Write this as a number or as text of at most 200"),
    ],
)
def test_what_is_wrong_is_named_and_kept(
    agent_client: Client, maya: Lead, typed: dict[str, str], field: str, words: str
) -> None:
    response = save(agent_client, maya, city="Berkeley", **typed)

    assert response.status_code == 422
    errors = response.context["form"].errors  # type: ignore[attr-defined]
    assert list(errors) == [field]
    assert words in errors[field][0]
    assert f'value="{typed.get(field)}"' in response.content.decode() or field in ("segment", "assigned_to")
    assert Lead.objects.get(pk=maya.pk).city == "Oakland"
    assert not Event.objects.exists()


def test_a_lead_keeps_one_way_to_be_known(agent_client: Client, maya: Lead) -> None:
    response = save(agent_client, maya, first_name="", last_name="", email="", phone="")

    assert response.status_code == 422
    assert "Leave at least a name, an e-mail address or a phone number." in text_of(response)


def test_a_lead_known_by_its_contact_alone_is_edited(agent_client: Client, maya: Lead) -> None:
    Lead.objects.filter(pk=maya.pk).update(first_name="", last_name="", email="", phone="")

    response = save(agent_client, maya, city="Berkeley")

    assert response.status_code == 302
    assert Lead.objects.get(pk=maya.pk).city == "Berkeley"


def test_an_address_somebody_has_leads_to_the_merge(agent_client: Client, maya: Lead, lead: Lead) -> None:
    IdentityFactory(lead=lead, kind="email", value="taken@example.net")

    response = save(agent_client, maya, email="taken@example.net", city="Berkeley")

    assert response.status_code == 422
    assert f'href="/agent/leads/{maya.pk}/merge/?other={lead.pk}"' in response.content.decode()
    assert Lead.objects.get(pk=maya.pk).city == "Oakland"


def test_what_does_not_fit_is_left_alone_until_it_is_changed(agent_client: Client, maya: Lead) -> None:
    price = CustomFieldFactory(tenant=maya.tenant, key="price", name="Price", data_type="MONETORY")
    Lead.objects.filter(pk=maya.pk).update(custom={"price": "ask my wife"})

    save(agent_client, maya, city="Berkeley")
    assert Lead.objects.get(pk=maya.pk).custom == {"price": "ask my wife"}

    response = save(agent_client, maya, **{f"custom_{price.pk}": "ask my sister"})
    assert response.status_code == 422
    save(agent_client, maya, **{f"custom_{price.pk}": "$580k"})
    assert Lead.objects.get(pk=maya.pk).custom == {"price": 580000.0}


@pytest.mark.parametrize(
    ("data_type", "options", "held", "typed", "kept"),
    [
        ("TEXT", [], "a yard", "a pool", "a pool"),
        ("LARGE_TEXT", [], "one\ntwo", "one\r\nthree", "one\nthree"),
        ("NUMERICAL", [], 3, "1,200.5", 1200.5),
        ("MONETORY", [], 500000.0, "1.2 million", 1200000.0),
        ("DATE", [], "2027-03-01", "2027-04-15", "2027-04-15"),
        ("PHONE", [], "+12065550123", "(206) 555-0199", "+12065550199"),
        ("SINGLE_OPTIONS", ["Yes", "No"], "Perhaps", "No", "No"),
        ("RADIO", [], "Yes", "No", "No"),
        ("CHECKBOX", ["Yard", "Pool", "Garage"], ["Yard"], ["Yard", "Garage"], ["Yard", "Garage"]),
        ("MULTIPLE_OPTIONS", [], ["Yard"], "Yard, Pool", ["Yard", "Pool"]),
        ("TEXT", [], "a yard", "", None),
    ],
)
def test_custom_fields_are_typed(
    agent_client: Client,
    maya: Lead,
    data_type: str,
    options: list[str],
    held: Any,
    typed: Any,
    kept: Any,
) -> None:
    field: CustomField = CustomFieldFactory(
        tenant=maya.tenant, key="wish", data_type=data_type, options=options, answers="property"
    )
    Lead.objects.filter(pk=maya.pk).update(custom={"wish": held}, profile={"property": held})

    assert said(save(agent_client, maya)) == ["Nothing was changed."]
    save(agent_client, maya, **{f"custom_{field.pk}": typed})

    maya.refresh_from_db()
    assert maya.custom == ({} if kept is None else {"wish": kept})
    assert maya.profile == ({} if kept is None else {"property": kept})


def test_a_field_of_another_tenant_is_not_there(
    agent_client: Client, maya: Lead, other_tenant: Tenant
) -> None:
    theirs = CustomFieldFactory(tenant=other_tenant, key="secret", name="Their own field")

    assert "Their own field" not in agent_client.get(page_of(maya)).content.decode()
    save(agent_client, maya, **{f"custom_{theirs.pk}": "mine"})

    assert Lead.objects.get(pk=maya.pk).custom == {}


def test_a_segment_chosen_by_hand_stands(agent_client: Client, maya: Lead) -> None:
    save(agent_client, maya, segment="luxury")

    profile = Lead.objects.get(pk=maya.pk).profile
    assert segment_of(SegmentFacts(profile={**profile, "relocating": True})).segment == "luxury"
    assert "Segment</dt>" not in agent_client.get(f"/agent/leads/{maya.pk}/").content.decode()

    save(agent_client, maya, segment="")
    profile = Lead.objects.get(pk=maya.pk).profile
    assert segment_of(SegmentFacts(profile={**profile, "relocating": True})).segment == "relocation"


# Consent


def test_consent_is_granted_with_a_word_on_how(agent_client: Client, maya: Lead, freeze: Freeze) -> None:
    freeze(NOW)
    refused = save(agent_client, maya, consent_Email="granted")
    assert refused.status_code == 422
    assert "Write how they agreed; consent is not granted without it." in text_of(refused)
    assert "Email" not in Lead.objects.get(pk=maya.pk).consent

    save(agent_client, maya, consent_Email="granted", consent_note="Signed at the open house")

    assert Lead.objects.get(pk=maya.pk).consent["Email"] == {
        "state": "granted",
        "at": NOW.isoformat(),
        "source": "portal",
        "note": "Signed at the open house",
    }
    assert told()[Kind.CONSENT_CHANGED] == {
        "channels": {"Email": "granted"},
        "note": "Signed at the open house",
    }
    page = text_of(agent_client.get(page_of(maya)))
    assert "Now: Granted since 23 Nov 2026, from this page: Signed at the open house" in page
    assert "Now: Granted since 1 Oct 2026, from GoHighLevel" in page


@pytest.mark.parametrize(
    ("held", "choices"),
    [
        ("granted", ["", "denied"]),
        ("denied", ["", "granted"]),
        ("unknown", ["", "denied", "granted"]),
        ("", ["", "denied", "granted"]),
    ],
)
def test_consent_is_never_made_unknown(
    agent_client: Client, maya: Lead, held: str, choices: list[str]
) -> None:
    Lead.objects.filter(pk=maya.pk).update(consent={"SMS": {"state": held}} if held else {})

    form = agent_client.get(page_of(maya)).context["form"]
    response = save(agent_client, maya, consent_SMS="unknown")

    assert [value for value, _ in form.fields["consent_SMS"].choices] == choices
    assert response.status_code == 422


# Two at once


def test_an_edit_of_an_older_record_changes_nothing_and_says_so(
    agent_client: Client, broker_client: Client, maya: Lead
) -> None:
    typed = {**shown(agent_client, maya), "city": "Berkeley"}
    save(broker_client, maya, city="Alameda", phone="(415) 555-0177")
    before = Event.objects.count()

    response = agent_client.post(page_of(maya), typed)

    assert response.status_code == 409
    assert response.context["form"].differences == [
        ("Phone", "+14155550142", "+14155550177"),
        ("City", "Berkeley", "Alameda"),
    ]
    assert "Nothing was saved." in text_of(response)
    maya.refresh_from_db()
    assert (maya.city, maya.phone) == ("Alameda", "+14155550177")
    assert Event.objects.count() == before

    again = {**typed, "edition": response.context["form"]["edition"].value()}
    assert agent_client.post(page_of(maya), again).status_code == 302
    maya.refresh_from_db()
    assert (maya.city, maya.phone) == ("Berkeley", "+14155550142")


def test_differences_are_told_in_the_words_of_the_page(
    agent_client: Client, agent: User, broker: User, maya: Lead
) -> None:
    typed = {**shown(agent_client, maya), "segment": "first_time_buyer", "timeline": "0-3 months"}
    Lead.objects.filter(pk=maya.pk).update(segment="investor", assigned_to=broker, profile={})

    response = agent_client.post(page_of(maya), typed)

    assert response.status_code == 409
    assert response.context["form"].differences == [
        ("Segment", "First-time buyer", "Investor"),
        ("Assigned to", str(agent), str(broker)),
        ("Budget", "580,000", "empty"),
        ("Timeline", "Within 3 months", "Not known"),
    ]


def test_scores_and_messages_meanwhile_do_not_get_in_the_way(agent_client: Client, maya: Lead) -> None:
    typed = {**shown(agent_client, maya), "city": "Berkeley"}
    Lead.objects.filter(pk=maya.pk).update(
        score=91.0,
        tier="hot",
        updated_at=NOW,
        last_event_at=NOW,
        last_inbound_at=NOW,
        awaiting_reply_since=NOW,
    )

    assert agent_client.post(page_of(maya), typed).status_code == 302
    assert Lead.objects.get(pk=maya.pk).city == "Berkeley"


def test_an_edit_without_its_edition_is_refused(agent_client: Client, maya: Lead) -> None:
    typed = shown(agent_client, maya)
    del typed["edition"]

    assert agent_client.post(page_of(maya), {**typed, "city": "Berkeley"}).status_code == 422
    assert Lead.objects.get(pk=maya.pk).city == "Oakland"


# Who may, and what is gone


def test_only_the_team_edits(
    agent_client: Client, buyer_client: Client, maya: Lead, other_lead: Lead
) -> None:
    typed = shown(agent_client, maya)

    assert buyer_client.post(page_of(maya), {**typed, "city": "Berkeley"}).status_code == 403
    assert agent_client.post(page_of(other_lead), {**typed, "city": "Berkeley"}).status_code == 404
    assert not Event.objects.exists()


def test_a_merged_record_is_not_edited(agent_client: Client, maya: Lead, lead: Lead) -> None:
    Lead.objects.filter(pk=lead.pk).update(status="merged", merged_into=maya)

    response = agent_client.get(page_of(lead))

    assert response.status_code == 410
    assert f'href="/agent/leads/{maya.pk}/"' in response.content.decode()


def test_a_record_merged_while_it_was_edited_is_not_changed(
    agent_client: Client, maya: Lead, lead: Lead
) -> None:
    typed = {**shown(agent_client, lead), "city": "Berkeley"}
    Lead.objects.filter(pk=lead.pk).update(status="merged", merged_into=maya)

    assert agent_client.post(page_of(lead), typed).status_code == 410
    assert Lead.objects.get(pk=lead.pk).city == ""


# GoHighLevel


def test_a_saved_edit_is_written_to_ghl_and_the_page_says_so(
    agent_client: Client,
    maya: Lead,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    api: StubGHL = stand_in(monkeypatch, settings)
    api.on("PUT", f"/contacts/{maya.contact_id}", ok("contact_update"))
    GHLConnectionFactory(tenant=maya.tenant)

    save(agent_client, maya, city="Berkeley")
    part = agent_client.get(
        f"/agent/leads/{maya.pk}/", {"part": "edits"}, headers={"HX-Request": "true"}
    ).content.decode()
    assert "Waiting to be sent to GoHighLevel" in part
    assert 'hx-trigger="every 3s"' in part
    with django_capture_on_commit_callbacks(execute=True):
        save(agent_client, maya, city="Albany")

    assert [sent_json(request) for request in api.requests] == [{"city": "Albany"}]
    assert ContactEdit.objects.get().state == "sent"
    page = agent_client.get(f"/agent/leads/{maya.pk}/").content.decode()
    assert "Sent to GoHighLevel" in page
    assert "every 3s" not in page


def test_the_lead_page_links_to_the_edit(agent_client: Client, maya: Lead) -> None:
    page = agent_client.get(f"/agent/leads/{maya.pk}/").content.decode()

    assert f'href="/agent/leads/{maya.pk}/edit/" data-keys="e"' in page
    assert f'href="/agent/leads/{maya.pk}/merge/"' in page
